package metrics

import "time"

// bounds are those of the buckets of delays, in seconds. A push takes a fraction
// of a second, but servers tell a message's arrival to the second only.
var bounds = []float64{1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}

// delays are how long messages took from their source to their destination.
type delays struct {
	buckets []uint64 // how many lie below each of bounds
	count   uint64
	sum     float64
}

// add counts one. A source whose clock is ahead has mail arrive after its delivery.
func (d *delays) add(delay time.Duration) {
	seconds := max(0, delay.Seconds())
	if d.buckets == nil {
		d.buckets = make([]uint64, len(bounds))
	}
	for i, b := range bounds {
		if seconds <= b {
			d.buckets[i]++
		}
	}
	d.count++
	d.sum += seconds
}

// byBound returns the buckets as Prometheus wants them.
func (d *delays) byBound() map[float64]uint64 {
	out := make(map[float64]uint64, len(bounds))
	for i, b := range bounds {
		out[b] = d.buckets[i]
	}
	return out
}
