package lang

import "testing"

func TestPick(t *testing.T) {
	for _, c := range []struct {
		config, flag string
		env          map[string]string
		want         Lang
	}{
		{"", "", nil, English},
		{"zh", "en", nil, Chinese},
		{"en", "zh", map[string]string{"LANG": "zh_CN.UTF-8"}, English},
		{"", "zh", map[string]string{"LC_ALL": "de_DE.UTF-8"}, Chinese},
		{"", "", map[string]string{"LC_ALL": "C", "LC_MESSAGES": "zh_CN.UTF-8", "LANG": "zh_CN.UTF-8"}, English},
		{"", "", map[string]string{"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "C"}, Chinese},
		{"", "", map[string]string{"LANG": "zh_TW.Big5"}, Chinese},
		{"", "", map[string]string{"LANG": "fr_FR.UTF-8"}, English},
	} {
		if got := Pick(c.config, c.flag, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("config %q, --lang %q, %v: %q, want %q", c.config, c.flag, c.env, got, c.want)
		}
	}
}

func TestOf(t *testing.T) {
	for name, want := range map[string]Lang{"en": English, "EN_us": English, "zh": Chinese, "zh-CN": Chinese, "ZH_TW": Chinese, "": "", "xx": "", "chinese": "", "english": "", "zhx": ""} {
		if got, known := Of(name); got != want || known != (want != "") {
			t.Errorf("%q: %q, %v", name, got, known)
		}
	}
}

func TestIn(t *testing.T) {
	text := Text{"%d of %s", "%d 封，%s"}
	if got := text.In(English, 3, "it"); got != "3 of it" {
		t.Error(got)
	}
	if got := text.In(Chinese, 3, "它"); got != "3 封，它" {
		t.Error(got)
	}
	if got := (Text{EN: "100%"}).In(Chinese); got != "100%" {
		t.Errorf("without a Chinese text, and without args: %q", got)
	}
}
