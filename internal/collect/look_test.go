package collect

import (
	"slices"
	"testing"

	"mailrill/fetch"
)

// What is wanted comes in the order of the listing, wherever it lies in it.
func TestWant(t *testing.T) {
	for _, want := range [][]int{{}, {0}, {2}, {0, 1, 2, 3, 4}, {1, 2, 3}, {0, 1, 3, 4}, {0, 2, 3, 4}, {1, 3}, {0, 4}} {
		b := box{items: make([]fetch.Item, 5)}
		for i := range b.items {
			b.items[i].Num = uint32(i)
		}
		listed := slices.Clone(b.items)
		var got []int
		for _, i := range want {
			b.want(i)
		}
		for _, it := range b.wanted {
			got = append(got, int(it.Num))
		}
		if !slices.Equal(got, want) || !slices.Equal(b.items, listed) {
			t.Errorf("%v of %v, want %v", got, b.items, want)
		}
	}
}
