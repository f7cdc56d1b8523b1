package oauth

import (
	"fmt"
	"time"

	"mailrill/internal/lang"
)

const day = 24 * time.Hour

// An idle is how long a sign-in lasts that nobody uses, and how long before its
// end that is told.
type idle struct{ lasts, told time.Duration }

// Google's documentation says six months; Microsoft's refresh tokens were seen to
// end after about 90 days.
var idles = map[string]idle{
	GoogleKey:    {lasts: 180 * day, told: 30 * day},
	MicrosoftKey: {lasts: 90 * day, told: 14 * day},
}

// trial is how long a sign-in lasts with an app of Google's whose publishing status
// is "Testing".
const trial = 7 * day

var (
	warnNone = lang.Text{
		EN: "nobody has signed in yet: mailrill login %s",
		ZH: "还没有登录过：请运行 mailrill login %s",
	}
	warnEnded = lang.Text{
		EN: "the sign-in ended on %s: mailrill login %s",
		ZH: "登录已于 %s 失效：请运行 mailrill login %s",
	}
	warnEnds = lang.Text{
		EN: "the sign-in ends on %s: sign in again before, with mailrill login %s",
		ZH: "登录将于 %s 失效：请提前运行 mailrill login %s 重新登录",
	}
	warnTesting = lang.Text{
		EN: "the sign-in ends on %s: most likely the app is still in testing, where Google ends each sign-in after 7 days. Publish it (Google Auth Platform › Audience › Publish app), then mailrill login %s",
		ZH: "登录将于 %s 失效：应用很可能还处于“测试”状态，Google 会在 7 天后让登录失效。请先发布应用（Google Auth Platform › Audience › Publish app），再运行 mailrill login %s",
	}
	warnIdle = lang.Text{
		EN: "the sign-in was last used on %s, and most likely ends on %s if it is not used before: one pass is enough; else mailrill login %s",
		ZH: "登录上次使用是在 %s，如果一直不用，很可能会在 %s 失效：收取一次邮件即可保留，否则请运行 mailrill login %s",
	}
)

// Warning says that the sign-in of name is gone, or will be within days, and what
// to do; false when there is nothing to say.
func (s *Store) Warning(name string, now time.Time) (lang.Text, bool) {
	t, err := s.Load(name)
	if err != nil {
		return fill(warnNone, name), codeOf(err) != ""
	}
	return t.warning(name, now)
}

func (t *Token) warning(name string, now time.Time) (lang.Text, bool) {
	rest := idles[t.Provider]
	unused := t.Refreshed.Add(rest.lasts)
	switch {
	case !t.Ends.IsZero() && !now.Before(t.Ends):
		return fill(warnEnded, date(t.Ends), name), true
	case t.Provider == GoogleKey && !t.Ends.IsZero() && t.Ends.Sub(t.SignedIn) <= trial+day:
		return fill(warnTesting, date(t.Ends), name), true
	case !t.Ends.IsZero() && now.After(t.Ends.Add(-trial)):
		return fill(warnEnds, date(t.Ends), name), true
	case rest.lasts > 0 && now.After(unused.Add(-rest.told)):
		return fill(warnIdle, date(t.Refreshed), date(unused), name), true
	}
	return lang.Text{}, false
}

func date(t time.Time) string { return t.Local().Format(time.DateOnly) }

// fill puts args into both languages.
func fill(t lang.Text, args ...any) lang.Text {
	return lang.Text{EN: fmt.Sprintf(t.EN, args...), ZH: fmt.Sprintf(t.ZH, args...)}
}
