package threats

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A threat and the tests that hold us to what must not come of it: names of
// functions, behind the folder of their package where it is not this one.
type threat struct {
	id, what string
	tests    string // separated by blanks; "none: …" says why nothing is to be tested
}

// threats are T1 to T16 of the project's threat model, and what is left of the
// peers' CVEs: each of them has happened to somebody.
var threats = []threat{
	{"T1", "STARTTLS stripped, refused, unknown, agreed to and not kept", "TestNoSecretInTheClear internal/mailconn.TestHostileStartTLS cmd/mailrill.TestRealStartTLS"},
	{"T2", "answers put behind the agreement to TLS", "TestNoSecretInTheClear internal/mailconn.TestHostileStartTLS"},
	{"T3", "untagged data before TLS", "TestNoSecretInTheClear internal/mailconn.TestHostileStartTLS internal/mailconn.TestEndlessStartTLS internal/imapwire.TestLogin"},
	{"T4", "PREAUTH without TLS", "TestNoSecretInTheClear internal/mailconn.TestHostileStartTLS internal/imapwire.TestLoginRefused"},
	{"T5", "referrals", "TestNoSecretInTheClear"},
	{"T6", "certificates: expired, of another, self-signed, NUL, old TLS, pins", "TestNobodyElsesCertificate internal/mailconn.TestCertificates internal/mailconn.TestServerIsToldTheName internal/mailconn.TestDefaultsAreTheSafeOnes cmd/mailrill.TestRealWrongCA"},
	{"T7", "a downgrade by what is found out by itself: presets offer TLS only, and nothing falls back", "internal/provider.TestRowsAreSound internal/mailconn.TestCleartextStaysInThisMachine internal/mailconn.TestDialRefusesCleartextBeforeConnecting TestNoSecretInTheClear"},
	{"T8", "secrets in arguments, environment, logs, cores, errors, state, temporary files", "TestEchoesShowNoSecret TestDumpsShowNoSecret TestFilesAreOurs internal/sasl.TestVeil internal/sasl.FuzzVeil internal/secret.TestASourceIsNeverPrinted internal/config.TestNoSecretIsShown deliver/command.TestEnvironmentHoldsNoSecret fetch/pop3.TestNoSecretInErrors deliver/smtp.TestEcho"},
	{"T9", "paths out of mailbox names, UIDLs, hosts, Message-IDs", "TestNothingForeignSteers deliver/maildir.TestEncodeFolder deliver/maildir.FuzzEncodeFolder deliver/maildir.FuzzNames deliver/maildir.TestSymlinks internal/config.FuzzTemplate internal/config.TestInto deliver/imap.TestHostileFolder fetch/pop3.TestUIDLListing"},
	{"T10", "CR, LF and NUL in arguments of commands", "TestOneCallIsOneCommand internal/imapwire.TestOneCallIsOneCommand deliver/smtp.TestInjection fetch/pop3.TestLineBreaksInCredentials TestProxyURL"},
	{"T11", "SMTP smuggling out, POP3 smuggling in", "deliver/smtp.TestSmuggling fetch/pop3.TestSmuggledTerminator fetch/pop3.FuzzBody deliver/smtp.FuzzStuffer"},
	{"T12", "headers out of decoded words", "TestNothingForeignSteers cmd/mailrill.FuzzDecodeWords internal/collect.TestCopyIsTraceLineAndBody internal/collect.TestLoopIsSkippedForgeryIsNot deliver/imap.FuzzTraceID"},
	{"T13", "commands out of arguments, mailbox names, passwords", "TestNothingForeignSteers internal/secret.TestCommandRunsWithoutAShell internal/config.TestUnsafeValues deliver/command.TestMessageArrivesWhole"},
	{"T14", "terminals, logs and file names that are steered", "TestNothingForeignSteers TestBombsAreHeld internal/reply.FuzzClean internal/reply.TestSteers cmd/mailrill.TestLogsAreEscaped cmd/mailrill.TestJSONIsEscapedAndUnchanged cmd/mailrill.TestErrorsAreEscaped"},
	{"T15", "memory and time: endless lines, literals, lists, nests, bodies, replies; drips and silence", "TestFloods TestBombsAreMail internal/imapwire.TestBounds internal/imapwire.TestEndlessUnreadBody fetch/pop3.TestListingBudget fetch/pop3.TestEndlessAnswer fetch/imap.TestListingIsBounded internal/collect.TestEndlessBodyCostsOneRow internal/mailconn.TestDripIsCut internal/mailconn.TestSilentPeer internal/mailconn.TestSilentProxy fetch/pop3.TestMute"},
	{"T16", "regular expressions that take for ever: RE2, on bounded input", "TestPatternsAreFew internal/reply.FuzzClean"},

	{"CVE-2005-2335", "fetchmail: a UIDL of more than 128 octets", "fetch/pop3.TestUIDLListing TestFloods"},
	{"CVE-2005-3088", "fetchmail: a file is written, then closed to others", "TestFilesAreOurs internal/ledger.TestModes"},
	{"CVE-2005-4348", "fetchmail: mail without a header", "TestBombsAreMail cmd/mailrill.TestMatrixByteForByte"},
	{"CVE-2006-0321", "fetchmail: a refusal at each verb", "deliver/smtp.TestRefusals"},
	{"CVE-2006-5867", "fetchmail: TLS that is not insisted on", "TestNoSecretInTheClear"},
	{"CVE-2006-5974", "fetchmail: a program that refuses", "deliver/command.TestEveryStatusButZeroIsTemporary"},
	{"CVE-2007-1558", "APOP", "TestNoAPOP"},
	{"CVE-2007-4565", "fetchmail: its own warning is refused", "none: mailrill sends no mail of its own"},
	{"CVE-2008-2711 CVE-2021-36386", "fetchmail: long header lines in a log", "TestBombsAreHeld"},
	{"CVE-2009-2666", "fetchmail: NUL in a certificate's name", "TestNobodyElsesCertificate internal/mailconn.TestCertificates"},
	{"CVE-2010-0562", "fetchmail: 8-bit text in a certificate", "TestNobodyElsesCertificate"},
	{"CVE-2010-1167", "fetchmail: octets that are no characters", "TestNothingForeignSteers fetch/pop3.TestUIDLListing"},
	{"CVE-2011-1947", "fetchmail: silence within STARTTLS for a week", "internal/mailconn.TestSilentStartTLS internal/mailconn.TestDrippingStartTLS"},
	{"CVE-2011-3389", "TLS 1.0", "internal/mailconn.TestCertificates"},
	{"CVE-2012-3482 CVE-2025-61962", "fetchmail: challenges that are none", "TestChallenges deliver/smtp.TestAuthFails fetch/pop3.TestChallengeIsNoSuccess"},
	{"CVE-2021-39272 CVE-2020-14093 CVE-2020-12398", "PREAUTH passes STARTTLS by", "TestNoSecretInTheClear"},
	{"CVE-2004-0880 CVE-2004-0881", "getmail: symlinks in a Maildir", "deliver/maildir.TestSymlinks"},
	{"CVE-2014-7273 CVE-2014-7274 CVE-2014-7275 CVE-2013-0289 CVE-2010-4532 CVE-2010-4533", "getmail, mbsync, OfflineIMAP: certificates and names that nobody checks", "TestNobodyElsesCertificate internal/mailconn.TestDefaultsAreTheSafeOnes"},
	{"CVE-2014-2014", "imapsync: a login in the clear behind a failed certificate", "TestNobodyElsesCertificate TestNoSecretInTheClear"},
	{"CVE-2021-20247", "mbsync: .. in the name of a mailbox", "TestNothingForeignSteers deliver/maildir.FuzzEncodeFolder"},
	{"CVE-2021-3578", "mbsync: APPENDUID that nobody asked for", "internal/imapwire.TestAppendUIDIsChecked internal/imapwire.TestLibraryCommandsAmidOddities"},
	{"CVE-2021-3657", "mbsync: literals beyond all numbers", "internal/imapwire.TestBounds internal/imapwire.TestOddAnswersSpoilOneMessageAtMost TestFloods"},
	{"CVE-2021-44143", "mbsync: a message that begins with an empty line", "TestBombsAreMail cmd/mailrill.TestMatrixByteForByte"},
	{"CVE-2023-34204", "imapsync: names in /tmp that can be guessed", "TestFilesAreOurs"},
	{"CVE-2013-4279", "imapsync: phones home", "none: there is no update check, and nothing but dialers of the config connects"},
	{"CVE-2018-14354 CVE-2018-14357", "mutt: a mailbox's name is carried out", "TestNothingForeignSteers internal/secret.TestCommandRunsWithoutAShell"},
	{"CVE-2018-14355 CVE-2018-14356 CVE-2018-14362", "mutt: paths out of IMAP names and UIDLs, an empty UIDL", "TestNothingForeignSteers fetch/pop3.TestUIDLListing"},
	{"CVE-2018-14349 CVE-2018-14350 CVE-2018-14351 CVE-2018-14352 CVE-2018-14353 CVE-2018-14358 CVE-2018-14359", "mutt: answers cut short or too long", "internal/imapwire.FuzzFetchResponse internal/imapwire.FuzzSanitize internal/imapwire.FuzzList internal/imapwire.TestOddAnswersSpoilOneMessageAtMost"},
	{"CVE-2020-14154 CVE-2020-14954 CVE-2020-15685 CVE-2020-28896 CVE-2021-29969 CVE-2021-38502 CVE-2021-38370", "NO STARTTLS in mutt, Thunderbird, Alpine", "TestNoSecretInTheClear TestNobodyElsesCertificate internal/mailconn.FuzzDialogue"},
	{"CVE-2021-3181 CVE-2024-23184 CVE-2024-23185 CVE-2026-27859", "mutt, Dovecot: bombs in headers", "TestBombsAreMail"},
	{"CVE-2021-32055", "mutt: VANISHED that ends in a comma", "internal/imapwire.FuzzSanitize internal/imapwire.TestLibraryCommandsAmidOddities"},
	{"CVE-2026-43859 CVE-2026-43860", "CRAM-MD5 and NUL", "none: PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER only; a secret with NUL is refused (internal/secret.FuzzNormalise)"},
	{"CVE-2026-43861", "mutt: %00 and %0d%0a in a URL", "TestProxyURL"},
	{"CVE-2004-0757", "Thunderbird: UIDL lists that contradict STAT", "fetch/pop3.TestUIDLListing fetch/pop3.FuzzListing"},
	{"CVE-2025-43857 CVE-2026-42245 CVE-2026-47240", "net-imap: memory by literals, time by their number", "TestFloods internal/imapwire.TestBounds"},
	{"CVE-2026-42246", "net-imap: OK before all was sent", "internal/imapwire.TestEarlyOKEndsTheSession internal/imapwire.TestLoginAnsweredTooEarly"},
	{"CVE-2026-42256", "net-imap: SCRAM's iterations", "none: there is no SCRAM"},
	{"CVE-2026-42257 CVE-2026-42258 CVE-2026-47241 CVE-2026-47242 CVE-2025-15366 CVE-2025-15367", "net-imap, Python: line breaks in arguments", "TestOneCallIsOneCommand"},
	{"CVE-2023-51764 CVE-2023-51765 CVE-2023-51766", "Postfix, Sendmail, Exim: smuggling", "deliver/smtp.TestSmuggling"},
	{"CVE-2025-61724", "net/textproto: quadratic replies", "TestFloods deliver/smtp.FuzzReply"},
	{"CVE-2026-27857", "Dovecot: ((((", "TestFloods"},
}

// TestEveryThreatHasItsTest: all that the table names is there, and no number is
// missing. What it names runs with all other tests.
func TestEveryThreatHasItsTest(t *testing.T) {
	var ids []string
	known := map[string][]string{}
	for _, threat := range threats {
		ids = append(ids, strings.Fields(threat.id)...)
		if strings.HasPrefix(threat.tests, "none: ") {
			continue
		}
		if threat.tests == "" {
			t.Errorf("%s has no test", threat.id)
		}
		for _, name := range strings.Fields(threat.tests) {
			folder, function, elsewhere := strings.Cut(name, ".")
			if !elsewhere {
				folder, function = "internal/proof/threats", name
			}
			if known[folder] == nil {
				known[folder] = testsIn(t, filepath.Join("..", "..", "..", folder))
			}
			if !slices.Contains(known[folder], function) {
				t.Errorf("%s: there is no %s in %s", threat.id, function, folder)
			}
		}
	}
	for n := 1; n <= 16; n++ {
		if id := "T" + itoa(n); !slices.Contains(ids, id) {
			t.Errorf("%s is missing", id)
		}
	}
	slices.Sort(ids)
	if unique := slices.Compact(slices.Clone(ids)); len(unique) != len(ids) {
		t.Errorf("a number is there twice: %q", ids)
	}
}

func itoa(n int) string {
	return strings.TrimLeft(string([]byte{byte('0' + n/10), byte('0' + n%10)}), "0")
}

// testsIn returns the tests and fuzz targets of a package.
func testsIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && regexp.MustCompile(`^(Test|Fuzz)[A-Z]`).MatchString(f.Name.Name) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// patterned are the packages that may use regular expressions, and on what:
// reply on 1,600 octets of a server's words, config on the owner's own file.
var patterned = []string{"internal/config", "internal/reply"}

// TestPatternsAreFew: no other package puts what a server says to a pattern.
func TestPatternsAreFew(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	for _, top := range []string{"cmd", "fetch", "deliver", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "mailtest") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			folder, err := filepath.Rel(root, filepath.Dir(path))
			for _, i := range file.Imports {
				if i.Path.Value == `"regexp"` && !slices.Contains(patterned, folder) {
					t.Errorf("%s uses regular expressions", path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// parsers are all that reads what somebody else has written, and the fuzz target
// that each has. `.ci/fuzz 10m` runs them all.
var parsers = map[string]string{
	"IMAP responses": "internal/imapwire.FuzzSanitize", "FETCH": "internal/imapwire.FuzzFetchResponse", "LIST": "internal/imapwire.FuzzList", "modified UTF-7": "internal/imapwire.FuzzModifiedUTF7",
	"POP3 listings": "fetch/pop3.FuzzListing", "POP3 bodies": "fetch/pop3.FuzzBody", "Received dates": "fetch/pop3.FuzzReceived",
	"SMTP replies": "deliver/smtp.FuzzReply", "SMTP sessions": "deliver/smtp.FuzzSession", "SMTP stuffing": "deliver/smtp.FuzzStuffer",
	"headers, looked at": "internal/collect.FuzzCapture", "headers, digested": "fetch.FuzzHeaderHash", "RFC 2047": "cmd/mailrill.FuzzDecodeWords",
	"Maildir folders": "deliver/maildir.FuzzEncodeFolder", "Maildir names": "deliver/maildir.FuzzNames", "marks": "deliver/imap.FuzzMark", "trace lines": "deliver/imap.FuzzTraceID",
	"cron": "internal/config.FuzzParseSchedule", "sizes": "internal/config.FuzzSizes", "config": "internal/config.FuzzLoad", "templates": "internal/config.FuzzTemplate",
	"secrets": "internal/secret.FuzzNormalise", "echoes": "internal/sasl.FuzzVeil", "rows": "internal/ledger.FuzzRow", "words for people": "internal/reply.FuzzClean",
	"before TLS": "internal/mailconn.FuzzDialogue", "proxies": "internal/mailconn.FuzzProxyAnswer",
}

func TestEveryParserIsFuzzed(t *testing.T) {
	for what, name := range parsers {
		folder, function, _ := strings.Cut(name, ".")
		if !slices.Contains(testsIn(t, filepath.Join("..", "..", "..", folder)), function) {
			t.Errorf("%s: there is no %s in %s", what, function, folder)
		}
	}
}
