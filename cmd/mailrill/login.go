package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"mailrill/deliver"
	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/fsx"
	"mailrill/internal/lang"
	"mailrill/internal/oauth"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

func newLogin(a *app) *cobra.Command {
	var device bool
	cmd := &cobra.Command{
		Use: "login NAME", Short: "sign in with Google or Microsoft, or give an app password", Args: exactly("the name of an account or destination"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), args[0], device) },
	}
	cmd.Flags().BoolVar(&device, "device", false, "sign in with a browser on any device, by a code (Microsoft)")
	return cmd
}

var (
	loginUnneeded = lang.Text{
		EN: "%s needs no login",
		ZH: "%s 不需要登录",
	}
	loginElsewhere = lang.Text{
		EN: "the secret of %s comes from %s: change it there; login can only write a password_file",
		ZH: "%s 的密码来自 %s：请在那里修改；login 只能写入 password_file",
	}
	loginTwoSecrets = lang.Text{
		EN: "%s has another secret for each account: write the files of password_file by hand",
		ZH: "%s 对每个账号使用不同的密码：请手动写入各个 password_file",
	}
	loginNoDevice = lang.Text{
		EN: "--device is for Microsoft: Google does not let such a sign-in read mail",
		ZH: "--device 只适用于 Microsoft：Google 不允许用这种登录方式读取邮件",
	}
	loginOwner = lang.Text{
		EN: "%s belongs to user %d, who could not read what login writes: run it as that user",
		ZH: "%s 属于用户 %d，login 写入的内容该用户将无法读取：请以该用户身份运行",
	}
	loginNews = lang.Text{
		EN: "the service that runs has been told\n",
		ZH: "已通知正在运行的服务\n",
	}
	loginWorks = lang.Text{
		EN: "✓ %s: %s takes it\n",
		ZH: "✓ %s：%s 已接受登录\n",
	}
)

// A target is what a login is for: an account or a destination.
type target struct {
	name     string
	what     lang.Text // "account gmail"
	protocol string
	server   config.Server
	// try logs in, with s in the place of server.
	try func(ctx context.Context, s config.Server) error
}

// login needs the config and the secrets only, so it works beside a service,
// which takes what was written from its next connection on, and is told to make
// one.
func (a *app) login(ctx context.Context, name string, device bool) error {
	a.lendRoot() // a password_file may be root's
	if err := a.load(); err != nil {
		return err
	}
	t, err := a.target(name)
	if err != nil {
		return err
	}
	if device && t.server.OAuth != oauth.MicrosoftKey {
		return usage("%s", loginNoDevice.In(a.lang()))
	}
	switch {
	case t.server.OAuth != "":
		err = a.signIn(ctx, t, device)
	case t.server.Secret == nil:
		return usage("%s", loginUnneeded.In(a.lang(), t.what.In(a.lang())))
	case t.server.Secret.File == "":
		return usage("%s", loginElsewhere.In(a.lang(), t.what.In(a.lang()), t.server.Secret))
	default:
		err = a.givePassword(ctx, t)
	}
	if err != nil {
		return err
	}
	return a.tellOfLogin(ctx, t)
}

// tellOfLogin has the service look at once at the accounts that a login is for.
func (a *app) tellOfLogin(ctx context.Context, t *target) error {
	var names []string
	for _, acct := range a.cfg.Accounts {
		if acct.Name == t.name || acct.To == t.name {
			names = append(names, acct.Name)
		}
	}
	_, err := a.askService(ctx, control.Request{Do: control.Recheck, Accounts: names}, nil)
	if errors.Is(err, control.ErrNoService) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprint(a.stdout, loginNews.In(a.lang()))
	return nil
}

// target returns the account of that name, or the destination: of both, the one
// for which login can do more.
func (a *app) target(name string) (*target, error) {
	acct := a.cfg.Account(name)
	if acct == nil {
		return a.targetDestination(name)
	}
	t := &target{name: name, what: lang.Text{EN: "account " + name, ZH: "账号 " + name}, protocol: acct.Protocol, server: acct.Server, try: func(ctx context.Context, s config.Server) error {
		other := *acct
		other.Server = s
		return a.trySource(ctx, &other)
	}}
	if d, err := a.targetDestination(name); err == nil && d.promise() > t.promise() {
		return d, nil
	}
	return t, nil
}

// promise orders targets by what login can do for them. Only one of a name has a
// sign-in, which the config sees to, and nothing but login can make that.
func (t *target) promise() int {
	switch {
	case t.server.OAuth != "":
		return 2
	case t.server.Secret != nil && t.server.Secret.File != "":
		return 1
	}
	return 0
}

func (a *app) targetDestination(name string) (*target, error) {
	d, err := a.destinationFor(name)
	if err != nil {
		return nil, err
	}
	return &target{name: name, what: destinationCalled(name), protocol: d.Type, server: d.Server, try: func(ctx context.Context, s config.Server) error {
		other := *d
		other.Server = s
		return a.tryDestination(ctx, &other)
	}}, nil
}

// destinationFor returns a destination as its accounts see it. Where each of them
// has a login of its own there, none is meant.
func (a *app) destinationFor(name string) (*config.Destination, error) {
	d := a.cfg.Destinations[name]
	if d == nil {
		return nil, usage("no account or destination is called %q in %s", name, a.cfg.Path)
	}
	if !d.Network() {
		return nil, usage("%s", loginUnneeded.In(a.lang(), destinationCalled(name).In(a.lang())))
	}
	var seen *config.Destination
	for _, acct := range a.cfg.Accounts {
		if acct.To != name {
			continue
		}
		if seen != nil && (seen.User != acct.Destination.User || from(seen) != from(acct.Destination)) {
			return nil, usage("%s", loginTwoSecrets.In(a.lang(), destinationCalled(name).In(a.lang())))
		}
		seen = acct.Destination
	}
	if seen != nil {
		return seen, nil
	}
	return d.For(&config.Account{})
}

func from(d *config.Destination) string { return fmt.Sprint(d.Secret) }

func destinationCalled(name string) lang.Text {
	return lang.Text{EN: "destination " + name, ZH: "目标邮箱 " + name}
}

// trySource logs in to the source of an account.
func (a *app) trySource(ctx context.Context, acct *config.Account) error {
	session, err := a.env().Account(acct).Source.Connect(ctx)
	if err != nil {
		return err
	}
	return session.Close(false)
}

// tryDestination logs in to a destination. Its folder is no matter of the
// password's: it is not made, and not missed.
func (a *app) tryDestination(ctx context.Context, d *config.Destination) error {
	dest := a.env().Account(&config.Account{Name: d.Name, Destination: d}).Destination
	defer dest.Close()
	_, err := dest.(deliver.Prober).Probe(ctx)
	return err
}

// proves logs in, and says that it worked.
func (a *app) proves(ctx context.Context, t *target, s config.Server) error {
	if err := t.try(ctx, s); err != nil {
		return err
	}
	fmt.Fprint(a.stdout, loginWorks.In(a.lang(), t.what.In(a.lang()), s.Host))
	return nil
}

// notTaken prints why a login failed and what helps, beginning with what has
// become of what was given. Who has told us to stop needs no advice.
func (a *app) notTaken(ctx context.Context, t *target, shape provider.Shape, what lang.Text, err error) error {
	advice := provider.Advise(err, provider.Situation{Provider: t.server.Provider.Key, Protocol: t.protocol, Shape: shape})
	fmt.Fprintf(a.stderr, "mailrill: %s: %s: %s\n", t.what.In(a.lang()), what.In(a.lang()), reply.Clean(err.Error()))
	if ctx.Err() == nil {
		a.printHint(advice.Hint, advice.URL)
	}
	return &exitError{code: advice.Class.ExitCode()}
}

// ours refuses to write what the owner of path could not read. What is root's, root
// may write for whom the state belongs to.
func (a *app) ours(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // it is made
	}
	owner := uidOf(info)
	if owner == os.Geteuid() || owner == 0 && a.owner != nil {
		return nil
	}
	return usage("%s", loginOwner.In(a.lang(), path, owner))
}

func uidOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// writeSecret puts a secret at path. In a folder of root's it is root's too, and the
// owner of the state may read it.
func (a *app) writeSecret(path, secret string) error {
	dir, file := filepath.Split(path)
	write := func(files fsx.FS) error {
		return files.ReplaceFile(path, filepath.Join(dir, "."+file+".mailrill"), []byte(secret+"\n"))
	}
	if info, err := os.Stat(dir); err == nil && uidOf(info) == 0 && a.owner != nil {
		forOwner := a.fs
		forOwner.Readers = &a.owner.gid
		return a.asRoot(func() error { return write(forOwner) })
	}
	if err := a.fs.MkdirAll(filepath.Clean(dir)); err != nil {
		return err
	}
	return write(a.fs)
}

var (
	passwordAsk = lang.Text{
		EN: "App password or authorization code of %s at %s: ",
		ZH: "请输入 %s 在 %s 的应用专用密码或授权码：",
	}
	passwordUnwritten = lang.Text{
		EN: "nothing was written",
		ZH: "未写入任何内容",
	}
	passwordWritten = lang.Text{
		EN: "written to %s\n",
		ZH: "已写入 %s\n",
	}
)

// givePassword asks for a password, and writes it once the server has taken it.
func (a *app) givePassword(ctx context.Context, t *target) error {
	path := t.server.Secret.File
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // where it leads to is written, the link stays
	}
	// A file that is made here is for whom the state is.
	if err := cmp.Or(a.ours(path), a.ours(a.state)); err != nil {
		return err
	}
	password, err := a.ask(ctx, passwordAsk.In(a.lang(), t.server.User, t.server.Host))
	if err != nil {
		return err
	}
	given := t.server
	given.Secret = &secret.Source{Password: password, Normalize: t.server.Secret.Normalize}
	shape := secret.ShapeOf(password)
	if note, odd := provider.NoteNotAppPassword(given.Provider.Key); odd && shape == provider.Other {
		a.printHint(note.Text, note.URL)
	}
	if err := a.proves(ctx, t, given); err != nil {
		return a.notTaken(ctx, t, shape, passwordUnwritten, err)
	}
	if err := a.writeSecret(path, password); err != nil {
		return err
	}
	fmt.Fprint(a.stdout, passwordWritten.In(a.lang(), path))
	return nil
}
