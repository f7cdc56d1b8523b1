package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailrill/internal/lang"
)

// globals are the flags that every command takes.
type globals struct {
	config    string
	logLevel  string
	logFormat string
	lang      string
}

const about = `mailrill collects mail from other mailboxes into yours: POP3 and IMAP in;
IMAP, SMTP, LMTP, Maildir or a command out; on a schedule, or once.

Try it without any account:   mailrill demo
Set it up:                    mailrill init
Does it work, and if not:     mailrill check
One pass of each account:     mailrill --once
The service:                  mailrill run`

// newRoot returns the command line.
func newRoot(a *app) *cobra.Command {
	var once passFlags
	root := &cobra.Command{
		Use:           "mailrill",
		Short:         "collects mail from other mailboxes into yours",
		Long:          about,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return checkLang(a.globals.lang)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if once.once || once.dryRun {
				return a.once(cmd.Context(), once)
			}
			if once.isSet() {
				return usage("these flags belong to a pass: add --once")
			}
			return cmd.Help()
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.SetHelpCommand(newHelp())
	f := root.PersistentFlags()
	f.StringVar(&a.globals.config, "config", "", "the config file")
	f.StringVar(&a.globals.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&a.globals.logFormat, "log-format", "text", "text or json")
	f.StringVar(&a.globals.lang, "lang", "", "language of hints: en or zh")
	once.add(root.Flags())
	root.AddCommand(
		newRun(a), newInit(a), newCheck(a), newCollect(a), newReload(a), newStatus(a), newHold(a), newFinish(a), newForget(a), newRename(a),
		newTrace(a), newRebuild(a), newLogin(a), newHealthz(a), newDemo(a), newVersion(a),
	)
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// strict has a command that only groups others refuse every further word, and
// makes what cobra itself says against arguments an error of usage.
func strict(cmd *cobra.Command) {
	if !cmd.Runnable() {
		cmd.Args = unknownCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage("%w", err)
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		strict(c)
	}
}

// newHelp is cobra's help but for words that are no command, which are an error.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "what a command does, and its flags",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err == nil {
				err = unknownCommand(about, rest)
			}
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// unknownCommand refuses words that are no command, with the nearest that is.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
	}
	return usage("no such command: %q%s; `mailrill --help` lists them", args[0], hint)
}

// exactly returns a check of the number of arguments, which says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usage("%s needs %s", cmd.CommandPath(), strings.Join(names, " and "))
		}
		return nil
	}
}

// atMost is like exactly for arguments that may be left out.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usage("%s takes no argument %q", cmd.CommandPath(), args[n])
		}
		return nil
	}
}

// checkLang refuses a language that nobody speaks here, as the config does.
func checkLang(name string) error {
	if _, known := lang.Of(name); known || name == "" {
		return nil
	}
	return oneOf("lang", name, string(lang.English), string(lang.Chinese))
}

// oneOf checks a flag's value.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return usage("--%s must be one of %s", flag, strings.Join(allowed, ", "))
}
