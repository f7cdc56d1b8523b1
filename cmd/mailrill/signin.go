package main

import (
	"context"
	"fmt"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/oauth"
	"mailrill/internal/provider"
)

var (
	signInOpen = lang.Text{
		EN: "Open this address in a browser and sign in as %s:\n\n  %s\n\n" +
			"If the browser runs on another machine, its last page cannot be shown there: copy that page's address, paste it here and press Enter.\n",
		ZH: "请在浏览器中打开以下地址，并以 %s 登录：\n\n  %s\n\n" +
			"如果浏览器在另一台机器上，最后一页会打不开：请复制那一页的地址，粘贴到这里，然后按回车。\n",
	}
	signInCode = lang.Text{
		EN: "Open %s in any browser, enter the code %s and sign in as %s.\n",
		ZH: "请在任意浏览器中打开 %s，输入代码 %s，并以 %s 登录。\n",
	}
	signInWrong = lang.Text{
		EN: "That is not the address that is waited for: %s. Try again.\n",
		ZH: "这不是要等待的地址（%s）。请重试。\n",
	}
	signInFailed = lang.Text{
		EN: "nobody is signed in",
		ZH: "登录未完成",
	}
	signInKept = lang.Text{
		EN: "✓ %s: signed in with %s as %s\n",
		ZH: "✓ %s：已通过 %s 以 %s 登录\n",
	}
	signInUseless = lang.Text{
		EN: "signed in, but the mail server refuses it",
		ZH: "已登录，但邮件服务器拒绝",
	}
	signInNames = map[string]string{oauth.GoogleKey: "Google", oauth.MicrosoftKey: "Microsoft"}
)

// signIn signs in with OAuth, keeps what that gave, and tries it.
func (a *app) signIn(ctx context.Context, t *target, device bool) error {
	if err := a.ours(a.state); err != nil {
		return err
	}
	token, err := a.meet(ctx, t, device)
	if err != nil {
		return a.notTaken(ctx, t, provider.Token, signInFailed, err)
	}
	if err := a.tokens.Save(ctx, t.name, token); err != nil {
		return err
	}
	fmt.Fprint(a.stdout, signInKept.In(a.lang(), t.what.In(a.lang()), signInNames[t.server.OAuth], t.server.User))
	if text, any := a.tokens.Warning(t.name, a.now()); any {
		a.printHint(text, "")
	}
	if err := a.proves(ctx, t, t.server); err != nil {
		return a.notTaken(ctx, t, provider.Token, signInUseless, err)
	}
	return nil
}

// meet is the dialogue with the person at the browser.
func (a *app) meet(ctx context.Context, t *target, device bool) (*oauth.Token, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	l := a.lang()
	s := &oauth.SignIn{
		Client: a.env().SignInClient(t.protocol, t.server), User: t.server.User, Lang: l, Sleep: a.sleep,
		Show:     func(address string) { fmt.Fprint(a.stderr, signInOpen.In(l, t.server.User, address)) },
		ShowCode: func(address, code string) { fmt.Fprint(a.stderr, signInCode.In(l, address, code, t.server.User)) },
		Wrong:    func(why lang.Text) { fmt.Fprint(a.stderr, signInWrong.In(l, why.In(l))) },
	}
	if device {
		return s.Device(ctx)
	}
	s.Paste = a.lines(ctx)
	return s.Browser(ctx)
}

// A signInWarning says that a sign-in is gone, or will be within days.
type signInWarning struct {
	name string
	lang.Text
}

// signInWarnings says so of those of an account.
func (a *app) signInWarnings(acct *config.Account) (out []signInWarning) {
	for _, end := range ends(acct) {
		if end.OAuth == "" {
			continue
		}
		if text, any := a.tokens.Warning(end.name, a.now()); any {
			out = append(out, signInWarning{end.name, text})
		}
	}
	return out
}

// logSignIns logs the warnings of an account, once a day.
func (a *app) logSignIns(acct *config.Account) {
	if a.now().Sub(a.warned[acct.Name]) < 24*time.Hour {
		return
	}
	for _, text := range a.signInWarnings(acct) {
		a.log.Warn(text.In(a.lang()), "account", acct.Name)
		if a.warned == nil {
			a.warned = map[string]time.Time{}
		}
		a.warned[acct.Name] = a.now()
	}
}
