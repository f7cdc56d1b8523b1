package mailtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Corpus returns n different messages as good mail programs write them: CRLF
// line ends, the last one too, no NUL. They vary in language, structure,
// encoding and size (0.5 to about 60 KB), and some lines begin with dots. The
// same seed gives the same messages.
func Corpus(seed int64, n int) [][]byte {
	r := rand.New(rand.NewPCG(uint64(seed), 0x6d61696c))
	out := make([][]byte, n)
	for i := range out {
		l := randomLetter(r)
		l.id = fmt.Sprintf("corpus.%d.%d", seed, i)
		l.date = undated.Add(time.Duration(i) * 7 * time.Minute)
		out[i] = l.bytes()
	}
	return out
}

// phrases are what the messages of a corpus are made of.
var phrases = []struct{ name, subject, line string }{
	{"Ada Byron", "The meeting on Thursday", "Shall we meet on Thursday at ten, in the small room behind the library?"},
	{"Jürgen Groß", "Grüße aus Würzburg", "Schöne Grüße, die Straße ist wieder frei, und übermorgen kommen wir früher."},
	{"Zoë Léveillé", "Réunion déplacée à l'été", "Voilà déjà l'été : la réunion est déplacée, où que vous soyez."},
	{"王小明", "关于下周的会议", "您好,下周的会议改到星期三下午三点,请准时参加。"},
	{"陳大文", "回覆:訂單確認", "您的訂單已經寄出,預計三天內送達,謝謝。"},
	{"山田太郎", "ご連絡ありがとうございます", "お世話になっております。資料をお送りしますので、ご確認ください。"},
	{"김민수", "회의 일정 안내", "안녕하세요, 다음 주 회의 일정을 알려 드립니다."},
	{"Анна Петрова", "Приглашение на выставку", "Здравствуйте! Приглашаем вас на выставку в субботу в полдень."},
	{"ليلى حسن", "موعد الاجتماع", "مرحبا، تم تأجيل الاجتماع إلى يوم الأحد القادم."},
	{"נועה לוי", "תזכורת", "שלום, זו תזכורת לפגישה שלנו מחר בבוקר."},
	{"Ελένη Παππά", "Καλημέρα", "Καλημέρα, σας στέλνω το έγγραφο που ζητήσατε."},
	{"ประเสริฐ", "แจ้งเตือน", "สวัสดีครับ ขอแจ้งกำหนดการประชุมครั้งต่อไป"},
	{"Party 🎉", "🎂 Friday! 🎈", "Cake 🍰, music 🎶 and no speeches. Bring 👍 people."},
}

func randomLetter(r *rand.Rand) letter {
	p := phrases[r.IntN(len(phrases))]
	l := letter{
		fromName: p.name, from: fmt.Sprintf("sender%d@example.org", r.IntN(50)), to: "me@example.com",
		encoding: []string{"8bit", "quoted-printable", "base64"}[r.IntN(3)],
		text:     randomText(r, p.line),
	}
	if r.IntN(10) > 0 {
		l.subject = p.subject
	}
	switch r.IntN(6) {
	case 0:
		l.html = "<html><body><p>" + strings.ReplaceAll(l.text, "\n", "</p>\n<p>") + "</p></body></html>"
	case 1:
		l.file, l.data = p.name+".bin", randomBytes(r, 1+r.IntN(40_000))
	}
	return l
}

func randomText(r *rand.Rand, line string) string {
	var b strings.Builder
	for range 1 + r.IntN(30) {
		b.WriteString([]string{"", "", "", "", ".", "..", "> ", "From ", "\t", "-- \n", "\n"}[r.IntN(11)])
		b.WriteString(strings.Repeat(line+" ", r.IntN(4)))
		b.WriteString("\n")
	}
	return b.String()
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Big returns a message of about size octets: one long attachment.
func Big(size int) []byte {
	l := letter{
		id: fmt.Sprintf("big.%d", size), fromName: "Archive", from: "archive@example.org", to: "me@example.com",
		subject: "A large file", date: undated, text: "As promised.\n", file: "large.bin",
		data: bytes.Repeat([]byte("large file "), size*3/4/11),
	}
	return l.bytes()
}
