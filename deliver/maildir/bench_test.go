package maildir

import (
	"fmt"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
)

// BenchmarkDeliver measures messages of 8 KiB with all fsyncs, on the file
// system of the temporary folder.
func BenchmarkDeliver(b *testing.B) {
	d := New(Options{Path: b.TempDir(), Create: true})
	ms := make([]*deliver.Message, b.N)
	body := strings.Repeat("0123456789abcdef", 512)
	for i := range ms {
		ms[i] = delivertest.NewMessage(fmt.Sprint(i, body))
	}
	b.ResetTimer()
	err := d.Deliver(b.Context(), deliver.Batch(ms...), func(_ *deliver.Message, _ deliver.Receipt, err error) {
		if err != nil {
			b.Error(err)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
