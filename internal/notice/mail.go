package notice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"mailrill/deliver"
	"mailrill/internal/lang"
)

// ByMail is the way into the destination itself. It is named apart from the others,
// for it is closed when the destination is what fails.
const ByMail = "destination"

// from is who a notice is from. No host can have that domain (RFC 2606), so that
// nothing that answers it goes out into the world.
const from = "mailrill@mailrill.invalid"

// A Mailbox is where notices of a place are left.
type Mailbox struct {
	Destination deliver.Destination
	Address     string // of its owner; "" where none is known
}

// mailTime bounds an attempt: less than maxGap, for meanwhile nobody looks at the
// book, and no other way gets a notice. The config bounds a command's time alike. A
// place under max_connections may take as long as the first collect of somebody else,
// and a server its time with each line.
const mailTime = 5 * time.Minute

// Mail sends notices into the mailbox that find says.
func Mail(find func(place string) (Mailbox, bool), language func() lang.Lang, host string) Way {
	return func(ctx context.Context, l Letter) error {
		box, there := find(l.Place)
		if !there {
			return fmt.Errorf("%w: no account delivers there any more", errNever)
		}
		defer box.Destination.Close()
		ctx, cancel := context.WithTimeout(ctx, mailTime)
		defer cancel()
		return leave(ctx, box, &l, language(), host)
	}
}

// leave delivers a letter. What is there already, from an attempt whose answer was
// lost, or by a server that compares, is there.
func leave(ctx context.Context, box Mailbox, l *Letter, language lang.Lang, host string) error {
	if err := box.Destination.Prepare(ctx, ""); err != nil {
		return err
	}
	text := compose(l, box.Address, language, host)
	m := &deliver.Message{
		ID: l.ID, Account: "mailrill", Size: int64(len(text)), Digest: sha256.Sum256(text), Begun: l.Time, Received: l.Time,
		Open: func() (io.ReadSeekCloser, error) { return opened{bytes.NewReader(text)}, nil },
	}
	told := false
	var fate error
	err := box.Destination.Deliver(ctx, deliver.Batch(m), func(_ *deliver.Message, _ deliver.Receipt, err error) { fate, told = err, true })
	switch {
	case !told:
		return errors.Join(err, errNotTold)
	case errors.Is(fate, deliver.ErrSkipped):
		return nil
	case errors.Is(fate, deliver.ErrRejected):
		return fmt.Errorf("%w: %w", errNever, fate)
	}
	return fate
}

var errNotTold = errors.New("it is unknown what became of the notice")

// opened is a text that needs no closing.
type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

// compose writes a letter as a mail (RFC 5322). It bears no trace line: it is no copy
// of anything, and who collects from this mailbox collects it as any other mail, once.
// Programs that answer mail leave alone what is auto-generated (RFC 3834).
func compose(l *Letter, to string, language lang.Lang, host string) []byte {
	var b bytes.Buffer
	for _, field := range [][2]string{
		{"From", "mailrill <" + from + ">"},
		{"To", recipient(to)},
		{"Subject", mime.QEncoding.Encode("utf-8", l.Subject(language))},
		{"Date", l.Time.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + l.ID + "@mailrill.invalid>"},
		{"Auto-Submitted", "auto-generated"},
		{"X-Mailrill-Notice", kinds(l.Items)},
		{"Content-Language", string(language)},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(folded(field[0]+":", field[1]) + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, strings.ReplaceAll(l.Text(language, host), "\n", "\r\n")) // into memory
	_ = w.Close()
	return b.Bytes()
}

// folded writes a field, a line for each encoded word if it holds several (RFC 2047
// §2).
func folded(name, value string) string {
	if len(name)+len(value) < 78 {
		return name + " " + value
	}
	return name + "\r\n " + strings.ReplaceAll(value, "?= =?", "?=\r\n =?")
}

// recipient is the To field. Where the owner has no address, nobody is named.
func recipient(to string) string {
	plain := strings.Count(to, "@") == 1 && !strings.ContainsFunc(to, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`<>()[]:;,\"`, r)
	})
	if !plain {
		return "undisclosed-recipients:;"
	}
	return "<" + to + ">"
}

// kinds says what a letter is about, for filters.
func kinds(items []Item) string {
	var out []string
	for _, k := range order {
		for _, it := range items {
			if it.Kind == k {
				out = append(out, string(k))
				break
			}
		}
	}
	return strings.Join(out, ", ")
}
