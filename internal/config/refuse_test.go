package config

import "testing"

// The accounts that contract.md refuses before any connection, and the rest of
// what one account can have wrong. Line 8 is the first of the account's lines
// (line 4 is [[account]]).
func TestAccountsThatAreRefused(t *testing.T) {
	const other = box + "[[account]]\nname = \"a\"\nto = \"box\"\npassword_env = \"X\"\n" // up to line 7
	for name, c := range map[string]struct {
		text  string
		wants []string
	}{
		"unknown key":                 {account(`colour = "red"`), []string{"config.toml:9:1: ", `unknown key "colour" in account a`}},
		"misspelt key":                {account(`shedule = "@daily"`), []string{`config.toml:9:1: `, `did you mean "schedule"?`}},
		"key in capitals":             {account(`Schedule = "@daily"`), []string{`did you mean "schedule"?`}},
		"key of another program":      {account(`ssl = true`), []string{`did you mean "tls"?`}},
		"wrong type":                  {account(`max_delete = "many"`), []string{"config.toml:9:14: max_delete must be a number"}},
		"wrong type, list":            {account(`folders = "INBOX"`), []string{"config.toml:9:11: folders must be a list of strings"}},
		"wrong type in a list":        {account(`folders = ["INBOX", 3]`), []string{"config.toml:9:1: folders must hold strings only"}},
		"out of range":                {account(`port = 99999`), []string{"config.toml:9:8: port must be between 1 and 65535"}},
		"bad duration":                {account(`timeout = "soon"`), []string{"config.toml:9:11: timeout is not a duration"}},
		"duration out of range":       {account(`timeout = "2ms"`), []string{"timeout must be between 1s and 1h"}},
		"bad size":                    {account(`max_size = "10 apples"`), []string{"max_size is not a size"}},
		"bad schedule":                {account(`schedule = "61 * * * *"`), []string{"config.toml:9:12: bad schedule: the minute must lie between 0 and 59"}},
		"schedule under a minute":     {account(`schedule = "@every 30s"`), []string{"@every must be at least 1m"}},
		"bad zone":                    {account(`timezone = "Asia/Pekin"`), []string{"config.toml:9:12: there is no such time zone"}},
		"bad backlog":                 {account(`backlog = "alll"`), []string{"config.toml:9:11: backlog must be", `did you mean "all"?`}},
		"backlog of two":              {account(`backlog = { since = 2026-01-01, last = 3 }`), []string{"config.toml:9:11: backlog must be"}},
		"backlog of none":             {account(`backlog = { last = 0 }`), []string{"backlog must be"}},
		"unknown after":               {account(`after = "remove"`), []string{`after must be "keep", "delete", "seen" or "move"`}},
		"move without folder":         {account(`after = "move"`), []string{"needs move_to"}},
		"folder without move":         {account(`move_to = "X"`), []string{`move_to without after = "move"`}},
		"delete_after without delete": {account("after = \"keep\"\ndelete_after = \"14d\""), []string{"config.toml:10:16: delete_after without"}},
		"unknown role":                {account(`folders = ["role:jnuk"]`), []string{"unknown role", `did you mean "junk"?`}},
		"folders of nothing":          {account(`folders = ["!Trash"]`), []string{"leaves out everything"}},
		"unknown provider":            {account(`provider = "gmial"`), []string{"config.toml:9:12: unknown provider", `did you mean "gmail"?`}},
		"unknown provider at all":     {account(`provider = "example"`), []string{"unknown provider", "qq"}},
		"host with a port":            {account(`host = "imap.example.com:993"`), []string{"config.toml:9:8: host is a name without a port"}},
		"host with a scheme":          {account(`host = "imaps://imap.example.com"`), []string{"host is a name"}},
		"implicit on 143":             {account(`port = 143`), []string{"config.toml:9:8: port 143 does not begin with TLS", "starttls"}},
		"implicit on 110":             {account("protocol = \"pop3\"\nport = 110"), []string{"port 110 does not begin with TLS"}},
		"none to the world":           {account("host = \"mail.example.com\"\ntls = \"none\""), []string{"config.toml:10:7: without TLS everybody"}},
		"none to a name like home":    {account("host = \"localhost.example.com\"\ntls = \"none\""), []string{"without TLS"}},
		"none to another address":     {account("host = \"192.0.2.1\"\ntls = \"none\""), []string{"without TLS everybody"}},
		"none to every address":       {account("host = \"0.0.0.0\"\ntls = \"none\""), []string{"without TLS everybody"}},
		"socket of a source":          {account(`socket = "s"`), []string{`unknown key "socket" in account a`}},
		"none through a proxy":        {account("host = \"127.0.0.1\"\ntls = \"none\"\nproxy = \"socks5://127.0.0.1:1\""), []string{"without TLS the proxy"}},
		"bad pin":                     {account(`pin_sha256 = "abc"`), []string{"pin_sha256 is no SHA-256"}},
		"key without certificate":     {account(`client_key = "k.pem"`), []string{"client_key without client_cert"}},
		"proxy of another kind":       {account(`proxy = "socks4://127.0.0.1:1"`), []string{"config.toml:9:9: proxy must begin with socks5:// or http://"}},
		"proxy without host":          {account(`proxy = "socks5://"`), []string{"proxy names no host"}},
		"proxy password alone":        {account(`proxy_password_file = "p"`), []string{"proxy_password_file without proxy"}},
		"two secrets":                 {account(`password_file = "x"`), []string{"more than one secret: password_file, password_env"}},
		"no secret":                   {box + "[[account]]\nname = \"a\"\nuser = \"me@gmail.com\"\nto = \"box\"\n", []string{"config.toml:4:3: no secret for account a"}},
		"no name":                     {box + "[[account]]\nuser = \"me@gmail.com\"\npassword_env = \"X\"\nto = \"box\"\n", []string{"config.toml:4:3: this account needs name"}},
		"bad name":                    {box + "[[account]]\nname = \"A b\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"\nto = \"box\"\n", []string{"config.toml:5:8: name must be"}},
		"no user":                     {other + "host = \"h.example.com\"\n", []string{"config.toml:4:3: account a needs user"}},
		"no to":                       {"[[account]]\nname = \"a\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"\n", []string{"config.toml:1:3: account a needs to"}},
		"unknown to":                  {account("")[:len(account(""))-1] + "[[account]]\nname = \"b\"\nuser = \"you@gmail.com\"\npassword_env = \"X\"\nto = \"bix\"\n", []string{"config.toml:13:6: unknown destination", `did you mean "box"?`}},
		"provider not known":          {other + "user = \"me@example.com\"\n", []string{"config.toml:8:8: no host", "set host or provider"}},
		"recent in the user":          {other + "protocol = \"pop3\"\nuser = \"recent:me@gmail.com\"\n", []string{"recent = true"}},
		"password for Outlook":        {other + "user = \"me@outlook.com\"\n", []string{"outlook takes no password", `oauth = "microsoft"`}},
		"icloud over pop3":            {other + "user = \"me@icloud.com\"\nprotocol = \"pop3\"\n", []string{"config.toml:9:12: icloud has no POP3"}},
		"pop3 host not known":         {other + "provider = \"aliyun\"\nuser = \"me@aliyun.com\"\nprotocol = \"pop3\"\n", []string{"no POP3 server of aliyun is known"}},
		"pop3 with folders":           {account("protocol = \"pop3\"\nfolders = [\"INBOX\"]"), []string{"config.toml:10:1: POP3 has no folders"}},
		"pop3 with seen":              {other + "protocol = \"pop3\"\nuser = \"me@163.com\"\nafter = \"seen\"\n", []string{"POP3 can keep and delete only"}},
		"pop3 with move":              {other + "protocol = \"pop3\"\nuser = \"me@163.com\"\nafter = \"move\"\nmove_to = \"X\"\n", []string{"POP3 can keep and delete only"}},
		"pop3 with push":              {account("protocol = \"pop3\"\npush = true"), []string{"POP3 has no push"}},
		"recent off Gmail":            {other + "protocol = \"pop3\"\nuser = \"me@163.com\"\nrecent = true\n", []string{"recent is for Gmail's POP3 only"}},
		"recent over IMAP":            {account(`recent = true`), []string{"recent is for Gmail's POP3 only"}},
		"Gmail POP3 with delete":      {account("protocol = \"pop3\"\nafter = \"delete\""), []string{"config.toml:10:9: over POP3 Gmail's own setting decides"}},
		"Gmail POP3 with backlog":     {account("protocol = \"pop3\"\nbacklog = \"new\""), []string{"config.toml:10:11: over POP3 Gmail lists its oldest mail first"}},
		"same name twice":             {account("[[account]]\nname = \"a\"\nuser = \"you@gmail.com\"\npassword_env = \"X\"\nto = \"box\""), []string{"config.toml:10:8: another account has this name already"}},
		"same source twice":           {account("[[account]]\nname = \"b\"\nuser = \"Me@Gmail.com\"\npassword_env = \"X\"\nto = \"box\""), []string{"config.toml:11:8: account a collects the same mail already"}},
		"same source by host":         {account("[[account]]\nname = \"b\"\nhost = \"IMAP.gmail.com\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"\nto = \"box\""), []string{"account a collects the same mail already"}},
		"same source by pattern":      {account("[[account]]\nname = \"b\"\nuser = \"me@gmail.com\"\nfolders = [\"*\"]\npassword_env = \"X\"\nto = \"box\""), []string{"account a collects the same mail already"}},
		"into without folders":        {"[destination.d]\ntype = \"command\"\nargv = [\"cat\"]\n" + "[[account]]\nname = \"a\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"\nto = \"d\"\ninto = \"X\"\n", []string{"destination d has no folders"}},
		"unknown word":                {account(`into = "X/{foldr}"`), []string{"config.toml:9:8: into holds an unknown word", "{folder}"}},
		"empty":                       {"", []string{"config.toml:1:1: no enabled account"}},
		"none enabled":                {account("enabled = false"), []string{"config.toml:1:1: no enabled account"}},
		"account as a table":          {"[account]\nname = \"a\"\n", []string{"account must be a list of tables", "[[account]]"}},
		"empty string":                {account(`label = ""`), []string{"config.toml:9:9: label is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, c.text)
			if len(got) == 2 && name == "account as a table" {
				got = got[1:] // no account is enabled either
			}
			want(t, got, c.wants...)
		})
	}
}

func TestDestinationsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		lines string
		wants []string
	}{
		"no type":                 {`path = "m"`, []string{"config.toml:6:14: destination d needs type"}},
		"unknown type":            {`type = "mailbox"`, []string{`type must be "imap", "smtp", "lmtp", "maildir" or "command"`}},
		"key of another type":     {"type = \"maildir\"\npath = \"m\"\nhost = \"h\"", []string{"config.toml:9:8: host has no meaning for type \"maildir\""}},
		"unknown key":             {"type = \"maildir\"\npath = \"m\"\npaht = \"h\"", []string{`unknown key "paht" in destination d`, `did you mean "path"?`}},
		"maildir without path":    {`type = "maildir"`, []string{"destination d needs path"}},
		"command without argv":    {`type = "command"`, []string{"destination d needs argv"}},
		"command as a string":     {"type = \"command\"\nargv = \"cat\"", []string{"argv must be a list of words"}},
		"line ends":               {"type = \"command\"\nargv = [\"cat\"]\nline_ends = \"cr\"", []string{`line_ends must be "lf" or "crlf"`}},
		"imap without host":       {"type = \"imap\"\nuser = \"u\"\npassword_env = \"X\"", []string{"config.toml:6:14: destination d needs host or provider"}},
		"imap without user":       {"type = \"imap\"\nhost = \"h\"\npassword_env = \"X\"", []string{"destination d needs user"}},
		"imap without secret":     {"type = \"imap\"\nhost = \"h\"\nuser = \"u\"", []string{"no secret for destination d"}},
		"smtp without recipient":  {"type = \"smtp\"\nhost = \"h\"", []string{"destination d needs recipient"}},
		"smtp, user, no secret":   {"type = \"smtp\"\nhost = \"h\"\nuser = \"u\"\nrecipient = \"r@e\"", []string{"no secret for destination d"}},
		"smtp, secret, no user":   {"type = \"smtp\"\nhost = \"h\"\npassword_env = \"X\"\nrecipient = \"r@e\"", []string{"config.toml:9:16: a secret without a user"}},
		"smtp implicit on 587":    {"type = \"smtp\"\nhost = \"h\"\nport = 587\nrecipient = \"r@e\"", []string{"config.toml:9:8: port 587 does not begin with TLS"}},
		"resend by gmail":         {"type = \"smtp\"\nprovider = \"gmail\"\nuser = \"u@gmail.com\"\npassword_env = \"X\"\nrecipient = \"r@e\"\nmode = \"resend\"", []string{"config.toml:12:8: gmail rewrites or refuses", "wrap"}},
		"resend by gmail's host":  {"type = \"smtp\"\nhost = \"smtp.gmail.com\"\nuser = \"u@gmail.com\"\npassword_env = \"X\"\nrecipient = \"r@e\"\nmode = \"resend\"", []string{"gmail rewrites or refuses"}},
		"password for Microsoft":  {"type = \"smtp\"\nprovider = \"office365\"\nuser = \"u@e\"\npassword_env = \"X\"\nrecipient = \"r@e\"", []string{"office365 takes no password"}},
		"lmtp, host and socket":   {"type = \"lmtp\"\nhost = \"h\"\nsocket = \"s\"\nrecipient = \"r\"", []string{"either host or socket"}},
		"lmtp, neither":           {"type = \"lmtp\"\nrecipient = \"r\"", []string{"either host or socket"}},
		"socket through a proxy":  {"type = \"lmtp\"\nsocket = \"s\"\nrecipient = \"r\"\nproxy = \"http://h:1\"\nallow_cleartext = true", []string{"a unix socket is not reached through a proxy"}},
		"too many connections":    {"type = \"imap\"\nprovider = \"gmail\"\nuser = \"u@gmail.com\"\npassword_env = \"X\"\nmax_connections = 16", []string{"max_connections must be between 1 and 15"}},
		"unknown word":            {"type = \"maildir\"\npath = \"m/{usr}\"", []string{"config.toml:8:8: path holds an unknown word"}},
		"unknown word in argv":    {"type = \"command\"\nargv = [\"x\", \"{acount}\"]", []string{"argv holds an unknown word"}},
		"own mail by smtp":        {"type = \"smtp\"\nhost = \"h\"\nrecipient = \"Me@gmail.com\"", []string{"config.toml:5:6: account a would deliver into the mailbox that it collects from"}},
		"own mailbox":             {"type = \"imap\"\nprovider = \"gmail\"\nuser = \"Me@gmail.com\"\npassword_env = \"X\"", []string{"config.toml:5:6: account a would deliver into"}},
		"own mailbox, inbox":      {"type = \"imap\"\nprovider = \"workspace\"\nuser = \"me@gmail.com\"\nfolder = \"inbox\"\npassword_env = \"X\"", []string{"account a would deliver into"}},
		"own mailbox, plain port": {"type = \"imap\"\nhost = \"imap.gmail.com\"\ntls = \"starttls\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"", []string{"account a would deliver into"}},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, faults(t, destination(c.lines)), c.wants...)
		})
	}
}
