package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mailrill/deliver"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// test delivers a message of our own to the first folder, reads it back, compares
// it and removes it. The ledger hears nothing of it: it was not collected, and its
// ID is that of no message.
func (c *destinationCheck) test(ctx context.Context) error {
	m, body := testMessage(c.d.Now(), c.folders[0])
	if err := c.way.Prepare(ctx, m.Folder); err != nil {
		return err
	}
	trier, ok := c.way.(deliver.Trier)
	if !ok {
		return c.sendOnly(ctx, m)
	}
	trial, err := trier.Try(ctx, m.Folder)
	if err != nil {
		return err
	}
	receipt, err := c.send(ctx, m)
	if err != nil {
		return err
	}
	found, err := c.await(ctx, trial, m.ID)
	if err != nil {
		return fmt.Errorf("the test message lies in %s: %w", lies(receipt), err)
	}
	c.compare(m, body, found)
	return c.remove(ctx, trial, found)
}

// sendOnly is the test where nothing can be read back.
func (c *destinationCheck) sendOnly(ctx context.Context, m *deliver.Message) error {
	receipt, err := c.send(ctx, m)
	if err != nil {
		return err
	}
	c.warn(Test, lang.Text{
		EN: "delivered (%s); it cannot be read back or removed from here: look for %q, and delete it",
		ZH: "已投递（%s）；无法从这里读回或删除：请自行查看主题为 %q 的邮件并删除",
	}, lies(receipt), testSubject)
	return nil
}

func lies(r deliver.Receipt) string {
	if r.Where == "" {
		return "?"
	}
	return reply.Clean(r.Where)
}

// send delivers m, as a pass does, and returns its receipt.
func (c *destinationCheck) send(ctx context.Context, m *deliver.Message) (receipt deliver.Receipt, err error) {
	told := false
	failed := c.way.Deliver(ctx, deliver.Batch(m), func(_ *deliver.Message, r deliver.Receipt, fate error) {
		receipt, err, told = r, fate, true
	})
	if !told {
		err = failed
	}
	return receipt, doubtful(err)
}

// surely are the fates in which nothing lies at the destination.
var surely = []error{deliver.ErrRejected, deliver.ErrSkipped, deliver.ErrNotTaken, deliver.ErrUnavailable}

// doubtful adds to an error where to look, if the message may have arrived.
func doubtful(err error) error {
	if err == nil || slices.ContainsFunc(surely, func(sure error) bool { return errors.Is(err, sure) }) {
		return err
	}
	return fmt.Errorf("the test message may lie there, look for %q: %w", testSubject, err)
}

const (
	// lookAgain is how long to wait before a message that is not shown is looked
	// for again, and lookFor for how long altogether: QQ shows it after 15 to 40 s.
	lookAgain = 5 * time.Second
	lookFor   = 60 * time.Second
)

// await finds the copy, which a server may show late.
func (c *destinationCheck) await(ctx context.Context, t deliver.Trial, id string) (*deliver.Copy, error) {
	for waited := time.Duration(0); ; waited += lookAgain {
		found, err := t.Find(ctx, id)
		if !errors.Is(err, deliver.ErrNotThere) {
			return found, err
		}
		if waited >= lookFor {
			return nil, reply.WithClass(reply.Temporary, fmt.Errorf("%w within %v", err, lookFor))
		}
		if err := c.d.Sleep(ctx, lookAgain); err != nil {
			return nil, err
		}
	}
}

// compare says what the destination changed. What a server does to a message that
// it has taken is its own: nothing of it is a failure.
func (c *destinationCheck) compare(m *deliver.Message, body []byte, found *deliver.Copy) {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	if !bytes.HasPrefix(found.Body, append(line, '\n')) {
		c.warn(Test, lang.Text{EN: "the trace line is no longer the first line of the message", ZH: "追踪行已不是邮件的第一行"})
	}
	if !bytes.Equal(found.Body, body) {
		c.warn(Test, lang.Text{EN: "the destination changed the message: %d octets came back for %d, the first difference is at octet %d", ZH: "目的地改动了邮件：读回 %d 字节，原为 %d 字节，第一处不同在第 %d 字节"},
			len(found.Body), len(body), firstDifference(found.Body, body)+1)
	}
	if !found.Received.Equal(m.Received) {
		c.warn(Test, lang.Text{EN: "the destination did not keep the arrival date: %s in place of %s", ZH: "目的地没有保留收到日期：显示 %s，应为 %s"}, date(found.Received), date(m.Received))
	}
	if lost := without(m.Flags, found.Flags); len(lost) > 0 {
		c.warn(Test, lang.Text{EN: "the destination did not keep the flags %s", ZH: "目的地没有保留标记 %s"}, strings.Join(lost, " "))
	}
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func date(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }

// without returns the flags that are not among got.
func without(flags, got []string) (out []string) {
	for _, f := range flags {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.EqualFold(f, g) }) {
			out = append(out, f)
		}
	}
	return out
}

// remove removes the test message, or says where it lies.
func (c *destinationCheck) remove(ctx context.Context, t deliver.Trial, found *deliver.Copy) error {
	where := reply.Clean(found.Where)
	left, err := t.Remove(ctx)
	switch {
	case err != nil:
		c.warn(Test, lang.Text{EN: "delivered and read back; it could not be removed and lies in %s: %s", ZH: "已投递并读回；无法删除，仍在 %s：%s"}, where, reply.Clean(err.Error()))
	case left != "":
		c.ok(Test, lang.Text{EN: "delivered to %s, read back, and moved to %s", ZH: "已投递到 %s，读回后移到 %s"}, where, reply.Clean(left))
	default:
		c.ok(Test, lang.Text{EN: "delivered to %s, read back, and removed", ZH: "已投递到 %s，读回后已删除"}, where)
	}
	return nil
}

const testSubject = "mailrill check: a test message"

// testMessage returns a message that is easy to change by mistake: it holds a line
// with one dot, one with a blank at its end, "From " at the beginning of a line and
// letters beyond ASCII. It arrived a day ago, so that a date that the server made
// up is told from one that it kept.
func testMessage(now time.Time, folder string) (*deliver.Message, []byte) {
	id := strings.ToLower(rand.Text())
	now = now.UTC().Truncate(time.Second)
	body := fmt.Appendf(nil, strings.ReplaceAll(testText, "\n", "\r\n"), deliver.TraceField, id, id, now.Format(time.RFC1123Z), testSubject)
	_, collected, _ := bytes.Cut(body, []byte("\n"))
	return &deliver.Message{
		ID: id, Account: "check", Size: int64(len(body)), Digest: sha256.Sum256(collected),
		Begun: now, Received: now.Add(-24 * time.Hour), Flags: []string{`\Seen`, `\Flagged`}, Folder: folder,
		Open: func() (io.ReadSeekCloser, error) { return opened{bytes.NewReader(body)}, nil },
	}, body
}

const testText = `%s: %s check
Message-ID: <%s@mailrill.invalid>
Date: %s
From: mailrill <check@mailrill.invalid>
Subject: %s
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

mailrill check put this message here to see whether it stays as it is. It may
be deleted. 这是 mailrill check 的测试邮件，可以删除。
.
From here on a blank ends the line: 
ä ö ü
`

// opened is a body that needs no closing.
type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }
