package mailtest

import (
	"fmt"
	"strings"
	"time"
)

// The labels of the demo mailbox, besides INBOX.
const (
	demoTravel = "Travel"
	demoFamily = "家人 Family"
)

// demoMail is one message of the demo mailbox.
type demoMail struct {
	days    int // before now
	name    string
	from    string
	subject string
	text    string
	html    bool
	file    string
	flags   string
	folders string // joined by "+": one message in all of them
	code    string // transfer encoding
}

// DemoMailbox returns a Gmail-like account with two dozen messages, dated within
// the months before now: INBOX and two labels, one of which shares messages with
// INBOX.
func DemoMailbox(now time.Time) *Store {
	s := NewStore()
	s.Create(demoTravel)
	s.Create(demoFamily)
	s.GmailFolders("en")
	for i, m := range demoMails {
		date := now.AddDate(0, 0, -m.days).Add(-time.Duration(i*37) * time.Minute).Truncate(time.Second)
		folders := strings.Split(m.folders, "+")
		first := s.Add(folders[0], Message{Body: m.letter(i, date).bytes(), Date: date, Flags: strings.Fields(m.flags)})
		for _, further := range folders[1:] {
			s.Add(further, first)
		}
	}
	return s
}

func (m demoMail) letter(i int, date time.Time) letter {
	l := letter{
		id: fmt.Sprintf("demo.%d", i+1), fromName: m.name, from: m.from, to: "you@gmail.example",
		subject: m.subject, date: date, text: m.text, encoding: m.code, file: m.file,
	}
	if m.html {
		l.html = "<html><body><p>" + strings.ReplaceAll(m.text, "\n", "<br>\n") + "</p></body></html>\n"
	}
	if m.file != "" {
		l.data = []byte(strings.Repeat("mailrill carries "+m.file+"\n", 40*(i+1)))
	}
	return l
}

// demoMails are in the order in which they arrived.
var demoMails = []demoMail{
	{days: 171, name: "Ada Byron", from: "ada@example.org", subject: "Welcome aboard", folders: "INBOX",
		text: "Hello,\n\nthis mailbox lives in the memory of your computer for as long as the demo runs.\nEverything you see was collected by mailrill, octet by octet.\n\nAda\n", flags: `\Seen \Flagged`},
	{days: 160, name: "Jürgen Groß", from: "juergen@example.de", subject: "Grüße aus Würzburg", folders: "INBOX+" + demoTravel,
		text: "Schöne Grüße vom Main! Die alte Brücke ist noch schöner als auf den Bildern.\n\nBis bald, Jürgen\n", flags: `\Seen`, file: "Brücke.jpg", code: "quoted-printable"},
	{days: 148, name: "王小明", from: "xiaoming@example.cn", subject: "关于下周的聚会", folders: "INBOX",
		text: "你好,\n\n下周六晚上六点,老地方见。请带上你的相机。\n\n小明\n", flags: `\Seen \Answered`, code: "base64"},
	{days: 140, name: "山田太郎", from: "taro@example.jp", subject: "資料をお送りします", folders: "INBOX",
		text: "お世話になっております。\n\n先日の資料を添付いたします。ご確認ください。\n\n山田\n", flags: `\Seen`, file: "資料.pdf"},
	{days: 133, name: "ليلى حسن", from: "layla@example.ae", subject: "دعوة إلى العشاء", folders: "INBOX",
		text: "مرحبا،\n\nيسرنا أن ندعوك إلى العشاء يوم الجمعة في السابعة مساء.\n\nليلى\n", code: "base64"},
	{days: 127, name: "Анна Петрова", from: "anna@example.ru", subject: "Приглашение на выставку", folders: "INBOX",
		text: "Здравствуйте!\n\nПриглашаем вас на открытие выставки в субботу в полдень.\n\nАнна\n", html: true, flags: `\Seen`},
	{days: 120, name: "Station Bookings", from: "tickets@example.net", subject: "Your ticket to Lisbon", folders: demoTravel,
		text: "Coach 7, seat 42, by the window.\n\n. . . . . . . . . . . .\n..two dots begin this line\n.one dot begins this one\n", html: true, flags: `\Seen`, file: "ticket.pdf"},
	{days: 111, name: "김민수", from: "minsu@example.kr", subject: "제주도 여행 사진", folders: demoTravel,
		text: "안녕하세요,\n\n지난달 제주도에서 찍은 사진을 보냅니다.\n\n민수\n", file: "제주도.zip", flags: `\Flagged`},
	{days: 104, name: "Mum", from: "mum@example.org", subject: "Sunday lunch?", folders: demoFamily + "+INBOX",
		text: "Are you coming on Sunday? There will be plum cake.\n", flags: `\Seen \Answered`},
	{days: 96, name: "妈妈", from: "mama@example.cn", subject: "天冷了", folders: demoFamily,
		text: "天冷了,记得多穿衣服。周末给家里打个电话。\n", flags: `\Flagged`},
	{days: 90, name: "Zoë Léveillé", from: "zoe@example.fr", subject: "L'été à Arles", folders: "INBOX+" + demoTravel,
		text: "Voilà déjà l'été : la maison est ouverte, où que tu sois.\n\nZoë\n", code: "quoted-printable"},
	{days: 83, name: "No Subject", from: "quiet@example.org", folders: "INBOX",
		text: "Some people never write a subject.\n"},
	{days: 77, name: "Ελένη Παππά", from: "eleni@example.gr", subject: "Καλημέρα από τη Χανιά", folders: "INBOX",
		text: "Καλημέρα!\n\nΗ θάλασσα είναι ακόμα ζεστή.\n\nΕλένη\n", flags: `\Seen`},
	{days: 70, name: "Build Robot", from: "robot@example.com", subject: "[mailrill] all tests passed", folders: "INBOX",
		text: "ok  \tmailrill/fetch/pop3\nok  \tmailrill/deliver/maildir\n", flags: `\Seen`},
	{days: 62, name: "陳大文", from: "dawen@example.tw", subject: "訂單已寄出,感謝您的購買", folders: "INBOX",
		text: "您好:\n\n您的訂單已經寄出,預計三天內送達。\n", html: true},
	{days: 55, name: "נועה לוי", from: "noa@example.il", subject: "תזכורת לפגישה", folders: "INBOX",
		text: "שלום,\n\nתזכורת: הפגישה שלנו מחר בעשר בבוקר.\n\nנועה\n"},
	{days: 48, name: "The Reading Circle", from: "circle@example.org", subject: "A very long subject about the book that we are going to read in winter, with the place, the time and who brings the tea", folders: "INBOX",
		text: "We read \"The Leopard\". Bring tea.\n", html: true, flags: `\Seen`},
	{days: 41, name: "Grandpa", from: "grandpa@example.org", subject: "Alte Fotos 📷", folders: demoFamily,
		text: "Ich habe die alten Fotos gefunden. Schau mal.\n", file: "fotos.tar", flags: `\Flagged \Seen`},
	{days: 33, name: "प्रिया शर्मा", from: "priya@example.in", subject: "दीवाली की शुभकामनाएँ", folders: "INBOX+" + demoFamily,
		text: "नमस्ते,\n\nआपको और आपके परिवार को शुभकामनाएँ।\n\nप्रिया\n"},
	{days: 26, name: "Party 🎉", from: "party@example.org", subject: "🎂 Friday! 🎈", folders: "INBOX",
		text: "Cake 🍰, music 🎶 and no speeches.\n"},
	{days: 18, name: "José Núñez", from: "jose@example.es", subject: "Mañana en Sevilla", folders: "INBOX+" + demoTravel,
		text: "Mañana te espero en la estación a las nueve. ¡Buen viaje!\n", code: "quoted-printable"},
	{days: 11, name: "Nguyễn Thị Lan", from: "lan@example.vn", subject: "Công thức nấu phở", folders: "INBOX",
		text: "Chào bạn,\n\nĐây là công thức nấu phở của bà tôi.\n", file: "phở.txt"},
	{days: 4, name: "Library", from: "library@example.org", subject: "Two books are due", folders: "INBOX",
		text: "The Leopard\nThe Periodic Table\n", html: true},
	{days: 1, name: "Ada Byron", from: "ada@example.org", subject: "One more thing", folders: "INBOX",
		text: "Run the demo's second pass: nothing comes twice.\n\nAda\n"},
}
