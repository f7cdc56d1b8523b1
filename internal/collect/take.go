package collect

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A parcel is a message that was retrieved and is on its way.
type parcel struct {
	msg    *deliver.Message
	row    ledger.Row
	body   *Body
	header header
	also   []ledger.Row // further source copies of the same octets in this session
	// written is how many rows of it (its own, then those of also) are committed.
	written int
}

// receivedLimit is the number of Received fields from which on a message is
// taken to go in circles (RFC 5321 §6.3).
const receivedLimit = 100

// retrieve brings what is wanted of a folder: bodies are spooled here, while the
// flow delivers those before them.
func (v *visit) retrieve(b *box) error {
	v.wanted += len(b.wanted)
	fl := v.startFlow(b)
	defer fl.finish() // also when the request panics
	err := v.request(fl, b)
	flowErr := fl.finish()
	v.progress += fl.progress
	v.brought += fl.brought
	v.unsettled += fl.unsettled
	if errors.Is(flowErr, errBreaker) {
		return errors.Join(flowErr, v.takeBack())
	}
	var disk *SpoolError
	switch {
	case flowErr != nil:
		return flowErr
	case err == nil, errors.Is(err, errStopped) && v.ctx.Err() != nil:
		return nil
	case errors.As(err, &disk), v.hard.Err() != nil:
		return err
	case reply.ClassOf(err) == reply.Limit: // another session would only prolong it
		return err
	}
	v.cautious = v.progress == 0
	return fmt.Errorf("%w: %w", errBroken, err)
}

// request asks for the messages, all of them at once. After a session that broke
// without a word about any message it asks for one at a time, so that it shows
// which of them makes the server hang up.
func (v *visit) request(fl *flow, b *box) error {
	items := append(b.wanted, b.drain...)
	if !v.cautious {
		_, err := v.requestSome(fl, b, items)
		return err
	}
	for _, it := range items {
		heard, err := v.requestSome(fl, b, []fetch.Item{it})
		if err != nil && !heard && v.hard.Err() == nil {
			err = errors.Join(err, v.take(fl, b, it, nil, nil, err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// requestSome reports, besides the error, whether the server said anything of
// the messages.
func (v *visit) requestSome(fl *flow, b *box, items []fetch.Item) (heard bool, err error) {
	err = v.session.Retrieve(v.hard, items, func(it fetch.Item, meta *fetch.Meta, r io.Reader, err error) error {
		heard = true
		if v.ctx.Err() != nil {
			return errStopped
		}
		if err := fl.stopped(); err != nil {
			return err
		}
		read := &counted{Reader: r}
		if r != nil {
			r = read
		}
		err = v.take(fl, b, it, meta, r, err)
		b.down.spend(v.c.Now(), max(it.Size, 0), read.n)
		return err
	})
	return heard, err
}

// take receives one message from the source.
func (v *visit) take(fl *flow, b *box, it fetch.Item, meta *fetch.Meta, r io.Reader, err error) error {
	switch {
	case errors.Is(err, fetch.ErrGone):
		return nil
	case b.known[it.Key].State.Terminal():
		return v.discard(it, r)
	case err != nil:
		if refusal := (*reply.Error)(nil); !errors.As(err, &refusal) {
			v.unsettled++ // an OK without a body counts as retrieved at some servers
		}
		return v.failed(b, it, err)
	}
	p, err := v.spool(b, it, meta, r)
	var disk *SpoolError
	switch {
	case err == nil:
	case errors.As(err, &disk), v.hard.Err() != nil:
		return err
	case errors.Is(err, errEndless): // and so ends this session, but not the next
		return errors.Join(err, v.failed(b, it, err))
	default:
		v.unsettled++
		return v.failed(b, it, err)
	}
	v.unsettled++
	if b.listing.Drains {
		v.retrieved = append(v.retrieved, it.Key)
	}
	if err := v.continueRow(b, p); err != nil {
		p.body.Release()
		return err
	}
	return v.route(fl, b, p)
}

// discard reads a message that was settled before, only so that the window of
// the listing moves on. Where that fails it is left for the next pass.
func (v *visit) discard(it fetch.Item, r io.Reader) error {
	v.drained[it.Key] = true
	v.progress++
	v.brought++
	if r == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, &bounded{r, bodyLimit(it.Size)}); errors.Is(err, errEndless) {
		return err
	}
	return nil
}

// failed records that one message could not be retrieved. It is tried again
// after the others, with growing pauses.
func (v *visit) failed(b *box, it fetch.Item, err error) error {
	row := v.row(b, it, ledger.Failed, reply.Clean(err.Error()))
	row.Attempts = b.known[it.Key].Attempts + 1
	row.NextTry = row.At.Add(pause(row.Attempts))
	v.log.Debug("message could not be retrieved", "folder", b.row.Name, "key", it.Key, "attempt", row.Attempts, "err", err)
	v.progress++
	v.tally(func() { v.failure(b.res, row, err) })
	return v.commit(row)
}

// pauses are the times between attempts at one message. The first failure may be
// the line's, not the message's, and costs nothing.
var pauses = []time.Duration{0, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour}

// isDue reports whether a time has come that lies at most the longest pause ahead.
// One that is further away was reckoned by a clock that was wrong.
func (p *pass) isDue(at time.Time) bool {
	ahead := at.Sub(p.c.Now())
	return ahead <= 0 || ahead > pauses[len(pauses)-1]
}

// pause returns how long to wait after the n-th failure.
func pause(n int) time.Duration { return pauses[min(max(n, 1), len(pauses))-1] }

// spool reads a body and computes everything that follows from its octets.
func (v *visit) spool(b *box, it fetch.Item, meta *fetch.Meta, r io.Reader) (*parcel, error) {
	digest, head, seen := newDigest(), fetch.NewHeaderHash(), &capture{}
	body, err := v.c.Spool.Take(v.hard, &v.lane, r, it.Size, digest, head, seen)
	if err != nil {
		return nil, err
	}
	p := &parcel{body: body, header: parseHeader(seen.buf), row: v.row(b, it, ledger.Intent, "")}
	m := &deliver.Message{Account: v.a.Name, Received: meta.Received, Flags: meta.Flags, Folder: b.into, Begun: p.row.At}
	digest.Sum(m.Digest[:0])
	m.ID = messageID(v.account.Birth, b.into, m.Digest)
	p.row.ID, p.row.Header, p.row.Message = m.ID, head.Sum(), ledger.MessageHash(p.header.messageID)
	p.msg = m
	v.seal(p)
	return p, nil
}

// seal gives the message its octets: the trace line, when there is one, and the
// body as the source served it.
func (p *pass) seal(pc *parcel) {
	var line []byte
	if p.a.Trace {
		line = traceLine(pc.msg.ID, p.a.Name)
	}
	pc.msg.Size = int64(len(line)) + pc.body.Size
	pc.msg.Open = func() (io.ReadSeekCloser, error) { return pc.body.Open(line), nil }
}

// continueRow takes over what an earlier attempt at the same message has left.
func (v *visit) continueRow(b *box, p *parcel) error {
	brief, known := b.known[p.row.Key]
	if !known {
		return nil
	}
	p.row.Attempts = brief.Attempts
	if brief.State == ledger.Old {
		p.msg.Flags = withSeen(p.msg.Flags)
		return nil
	}
	old, ok, err := v.c.Ledger.Get(v.hard, p.row.Folder, p.row.Key)
	if err == nil && ok && old.ID == p.row.ID && !old.Begun.IsZero() {
		p.msg.Begun = old.Begun
	}
	return err
}

func withSeen(flags []string) []string {
	for _, f := range flags {
		if f == `\Seen` {
			return flags
		}
	}
	return append(flags, `\Seen`)
}

// route decides what becomes of a message whose octets are known: nothing, when
// it is ours or known; the hold; or the destination.
func (v *visit) route(fl *flow, b *box, p *parcel) error {
	p.row.Begun = p.msg.Begun
	if fl.follow(p) {
		return nil
	}
	known, err := v.c.Ledger.Settled(v.hard, []string{p.msg.ID})
	if err != nil {
		p.body.Release()
		return err
	}
	if found, ok := known[p.msg.ID]; ok {
		return fl.join(p, found)
	}
	doubt, doubtful, err := v.doubtOf(p)
	if err == nil && doubtful {
		return fl.share(p, doubt)
	}
	looping, held := false, false
	if err == nil {
		looping, err = v.isLoop(p)
	}
	if err == nil {
		held, err = v.c.Hold.Has(v.a.Name, p.msg.ID)
	}
	switch {
	case err != nil:
		p.body.Release()
		return err
	case looping:
		v.looped++
		v.log.Debug("skipped a message that this account has delivered already", "folder", b.row.Name, "key", p.row.Key)
		return fl.leave(p, "a loop: it bears this account's trace line")
	case v.a.Own != "" && strings.EqualFold(p.header.from, v.a.Own):
		return fl.leave(p, "own sent mail")
	case held:
		return fl.join(p, ledger.Found{State: ledger.Held, Receipt: "in the hold already"})
	case p.header.received > receivedLimit:
		return fl.hold(p, fmt.Errorf("it has %d Received fields and most likely goes in circles", p.header.received), time.Time{})
	case v.tooLarge(fetch.Item{Size: p.body.Size}) && b.listing.Drains:
		return fl.hold(p, fmt.Errorf("larger than max_size (%d octets)", p.body.Size), time.Time{})
	}
	return fl.send(p)
}

// isLoop reports whether the message is a copy that this account has made: its
// first trace line names the account, and an ID that its own octets give, or
// that the ledger knows for a message with its Message-ID (servers on the way
// may have added fields). A line that somebody put into another mail fits
// neither.
func (v *visit) isLoop(p *parcel) (bool, error) {
	h := p.header
	if h.traceID == "" || h.traceName != v.a.Name && h.traceName != v.account.Birth {
		return false, nil
	}
	rows, err := v.c.Ledger.ByID(v.hard, h.traceID)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if r.Message != 0 && r.Message == p.row.Message {
			return true, nil
		}
	}
	line := traceLine(h.traceID, h.traceName)
	if p.body.Size < int64(len(line)) {
		return false, nil
	}
	rest := p.body.Open(nil)
	defer rest.Close()
	if _, err := rest.Seek(int64(len(line)), io.SeekStart); err != nil {
		return false, err
	}
	digest := newDigest()
	if _, err := io.Copy(digest, rest); err != nil {
		return false, err
	}
	var sum [32]byte
	digest.Sum(sum[:0])
	return h.traceID == messageID(v.account.Birth, p.msg.Folder, sum), nil
}
