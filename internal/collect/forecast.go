package collect

import "mailrill/fetch"

// Forecast tells what a first look at a folder with items, in the order of their
// arrival, would do: leave the first skip of them alone, or, when undecided,
// collect nothing before the owner has said what to do with old mail. Of
// BacklogSince it tells nothing: dates decide.
func (b Backlog) Forecast(items []fetch.Item) (skip int, undecided bool) {
	return b.skip(len(items)), b.guard("", "", items) != nil
}
