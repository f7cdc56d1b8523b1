package daemon

import (
	"context"
	"errors"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

// Advise says what err, which a pass of a ended with, means and what helps. A
// refusal tells by its protocol which of the two ends it came from.
func Advise(a *config.Account, err error) provider.Advice {
	if err == nil {
		return provider.Advice{}
	}
	if before, ok := errors.AsType[*barredError](err); ok {
		return before.advice()
	}
	if r, ok := errors.AsType[*refusal](err); ok && r.barred {
		return r.last.advice()
	}
	if collect.FromDestination(err) {
		return adviseAt(&a.Destination.Server, a.Destination.Type, err)
	}
	return adviseAt(&a.Server, a.Protocol, err)
}

// adviseAt is Advise for an error that came from a server.
func adviseAt(end *config.Server, protocol string, err error) provider.Advice {
	situation := provider.Situation{Provider: end.Provider.Key, Protocol: protocol}
	if end.OAuth != "" {
		situation.Shape = provider.Token
	}
	advice := provider.Advise(err, situation)
	if advice.Class == reply.Credentials && end.OAuth == "" {
		situation.Shape = shapeOf(end.Secret)
		advice = provider.Advise(err, situation)
	}
	if reply.ClassOf(err) == reply.Refused { // whatever it says of the account: the mail is in the hold
		advice.Class = reply.Refused
	}
	return advice
}

// shapeOf reads a secret for its shape. A command is not run for that: it may ask
// its owner, and bring another secret each time.
func shapeOf(from *secret.Source) provider.Shape {
	if from == nil || len(from.Command) > 0 {
		return provider.ShapeUnknown
	}
	value, err := from.Read(context.Background())
	if err != nil {
		return provider.ShapeUnknown
	}
	return secret.ShapeOf(value)
}
