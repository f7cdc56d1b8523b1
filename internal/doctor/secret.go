package doctor

import (
	"context"

	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/secret"
)

// secret reads the secret as a login does, and tells its shape, which is all that
// is shown of it. A shape that is not the provider's is no failure: only the
// server can say that.
func (c *chain) secret(ctx context.Context) error {
	e := c.end
	switch {
	case e.OAuth != "":
		e.shape = provider.Token
		if text, ends := c.d.Env.Tokens.Warning(c.report.Name, c.d.Now()); ends {
			c.warn(Secret, text)
			return nil
		}
		c.ok(Secret, lang.Text{EN: "none: signs in by OAuth (%s)", ZH: "无：使用 OAuth 登录（%s）"}, e.OAuth)
		return nil
	case e.Secret == nil:
		c.ok(Secret, lang.Text{EN: "none: no login is configured", ZH: "无：未配置登录"})
		return nil
	}
	value, err := e.Secret.Read(ctx)
	if err != nil {
		return err
	}
	e.shape = secret.ShapeOf(value)
	note, known := provider.NoteNotAppPassword(e.Provider.Key)
	switch {
	case known && e.shape == provider.Other:
		c.note(Secret, Warning, note)
	case known && e.shape == provider.Letters:
		c.ok(Secret, lang.Text{EN: "%s: 16 letters, as it should be", ZH: "%s：16 位字母，格式正确"}, e.Secret)
	default:
		c.ok(Secret, lang.Text{EN: "%s can be read", ZH: "%s 可以读取"}, e.Secret)
	}
	return nil
}
