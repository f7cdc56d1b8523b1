package provider

import (
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

var (
	atTokens  = []string{"oauth"} // the protocol of authorize and token endpoints
	microsoft = []string{"outlook", "office365"}
)

var oauthHints = []hint{
	{
		keys: google, protocols: atTokens, codes: []string{"INVALID_GRANT"},
		class: reply.Credentials, url: "https://developers.google.com/identity/protocols/oauth2#expiration",
		say: lang.Text{
			EN: "most likely the sign-in has ended: after 7 days where the OAuth app is in Testing, with a change of the Google password, when access was removed, or after 6 months without use. Sign in again (mailrill login NAME), and publish the OAuth app (\"In production\")",
			ZH: "很可能授权已失效：OAuth 应用处于测试状态时 7 天到期，修改 Google 密码、撤销授权或 6 个月未使用也会失效。请重新登录（mailrill login 账号名），并把 OAuth 应用发布到 In production",
		},
	},
	{
		keys: google, protocols: atTokens, codes: []string{"ACCESS_DENIED", "403"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely this Google account is not among the test users of the OAuth app, or an administrator blocks the app, or the consent was declined: add the account under Test users, or publish the app",
			ZH: "很可能这个 Google 账号不在 OAuth 应用的测试用户名单里，或管理员禁止该应用，或授权时点了拒绝：请在 Test users 中加入该账号，或发布应用",
		},
	},
	{
		protocols: atTokens, codes: []string{"INVALID_GRANT"}, texts: []string{"different tenant", "aadsts7000012"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely the sign-in was made with another tenant: correct tenant under [oauth.microsoft], then sign in again (mailrill login NAME)",
			ZH: "很可能登录时用的是另一个租户：请改正 [oauth.microsoft] 的 tenant，再重新登录（mailrill login 账号名）",
		},
	},
	{
		protocols: atTokens, codes: []string{"INVALID_GRANT"}, texts: []string{"service abuse mode"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely Microsoft has blocked this account for suspected abuse: sign in at outlook.com with a browser and follow what it asks, then sign in again (mailrill login NAME)",
			ZH: "很可能微软怀疑该账号被滥用而将其封锁：请用浏览器登录 outlook.com 按提示处理，再重新登录（mailrill login 账号名）",
		},
	},
	{
		keys: microsoft, protocols: atTokens, codes: []string{"INVALID_GRANT", "INTERACTION_REQUIRED", "CONSENT_REQUIRED"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely the sign-in has ended: the consent was withdrawn, or it was not used for 90 days, or the tenant is wrong. Sign in again (mailrill login NAME); the number behind AADSTS is Microsoft's own for the cause",
			ZH: "很可能授权已失效：授权被撤销，或 90 天未使用，或租户不对。请重新登录（mailrill login 账号名）；AADSTS 后的数字是微软给出的原因编号",
		},
	},
	{
		protocols: atTokens, codes: []string{"LOGIN_REQUIRED"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely nobody has signed in for this account yet, or its token was removed: sign in (mailrill login NAME)",
			ZH: "很可能该账号还没有登录过，或令牌已被删除：请登录（mailrill login 账号名）",
		},
	},
	{
		protocols: atTokens, codes: []string{"INVALID_GRANT", "INTERACTION_REQUIRED", "CONSENT_REQUIRED"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely the sign-in has ended: sign in again (mailrill login NAME)",
			ZH: "很可能授权已失效：请重新登录（mailrill login 账号名）",
		},
	},
	{
		protocols: atTokens, codes: []string{"INVALID_CLIENT"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely client_id or the client's secret under [oauth.…] is wrong: copy both again from where the client was made",
			ZH: "很可能 [oauth.…] 里的 client_id 或客户端密钥不对：请到创建客户端的页面重新复制",
		},
	},
	{
		keys: microsoft, protocols: atTokens, codes: []string{"UNAUTHORIZED_CLIENT", "INVALID_REQUEST", "INVALID_SCOPE"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the client is set up in another way than mailrill needs: a public client (Mobile and desktop applications) with the redirect http://localhost and \"Allow public client flows\" set to Yes",
			ZH: "很可能客户端的设置不符合 mailrill 的要求：应为公共客户端（Mobile and desktop applications），重定向地址为 http://localhost，Allow public client flows 设为 Yes",
		},
	},
	{
		protocols: atTokens, codes: []string{"UNAUTHORIZED_CLIENT", "INVALID_REQUEST", "INVALID_SCOPE"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the client is set up in another way than mailrill needs: make one of the kind Desktop app",
			ZH: "很可能客户端的类型不对：请创建桌面应用（Desktop app）类型的客户端",
		},
	},
	{
		// RFC 8628 3.5
		protocols: atTokens, codes: []string{"EXPIRED_TOKEN"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely the code was not entered on the website in time: sign in again (mailrill login NAME)",
			ZH: "很可能没有及时在网页上输入验证码：请重新登录（mailrill login 账号名）",
		},
	},
	{
		protocols: atTokens, codes: []string{"ACCESS_DENIED", "AUTHORIZATION_DECLINED"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the consent was declined, or an administrator does not allow it: sign in again and agree, or ask the administrator",
			ZH: "很可能授权时点了拒绝，或管理员不允许：请重新登录并同意，或联系管理员",
		},
	},
}
