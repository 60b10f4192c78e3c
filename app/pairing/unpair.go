package pairing

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
	"healthsync/sync/phone"
)

// Needs reports whether an item of the vault belongs to this pairing.
func (r *Record) Needs(i vault.Item) bool {
	return slices.Contains([]string{r.keyName(), r.tokenName(), r.clientName(), r.caName()}, i.Name)
}

// OnPhone says what became of the pairing on the iPhone.
type OnPhone string

// What can become of it.
const (
	// RevokedThere: the iPhone has revoked this Mac's certificate.
	RevokedThere OnPhone = "revoked"
	// RevokedBefore: the iPhone had revoked it already.
	RevokedBefore OnPhone = "revoked-before"
	// NotOffered: version 1 has no request for it; the token stays behind
	// there until it expires.
	NotOffered OnPhone = "not-offered"
	// NotReached: the iPhone did not answer; it still knows this Mac.
	NotReached OnPhone = "not-reached"
	// NotAsked: something is missing here without which it cannot be asked; it
	// still knows this Mac.
	NotAsked OnPhone = "not-asked"
	// NothingThere: there was no pairing to end.
	NothingThere OnPhone = "nothing"
)

// Unpaired is the outcome of ending a pairing.
type Unpaired struct {
	Record   *Record // what was ended; nil if there was none or it was unreadable
	OnPhone  OnPhone
	PhoneErr error
	// Removed are the items taken out of the vault.
	Removed []vault.Item
}

// patience is how long unpairing waits for the iPhone.
const patience = 5 * time.Second

// Unpair ends the pairing: on the iPhone where the protocol can, on this Mac in
// any case. Keys, certificates, token, record and address go, strays of
// earlier pairings too; health data stays. An error means that something of it
// is still here; doing it again carries on.
func (s *Computer) Unpair(ctx context.Context) (*Unpaired, error) {
	u := &Unpaired{OnPhone: NothingThere}
	done, err := s.lockPairing(ctx, "unpairing")
	if err != nil {
		return u, err
	}
	defer done()
	r, err := s.Record()
	var damaged *RecordError
	switch {
	case err == nil:
		u.Record = r
		u.OnPhone, u.PhoneErr = s.tellPhone(ctx, r)
	case errors.As(err, &damaged), errors.Is(err, ErrNotPaired):
	default:
		return u, err
	}
	v, err := s.Vault()
	if err != nil {
		return u, err
	}
	if u.Removed, err = s.empty(ctx, v); err != nil {
		return u, err
	}
	return u, s.forget()
}

func (s *Computer) tellPhone(ctx context.Context, r *Record) (OnPhone, error) {
	if r.Protocol == 1 {
		return NotOffered, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err := s.Link(ctx, LinkOptions{Timeout: patience})
	if err != nil {
		return NotAsked, err
	}
	err = l.Unpair(ctx)
	var offered *phone.NotOfferedError
	var refused *trust.Failure
	switch {
	case err == nil:
		return RevokedThere, nil
	case errors.As(err, &offered):
		return NotOffered, nil
	case errors.As(err, &refused) && refused.Kind == trust.Revoked:
		return RevokedBefore, nil
	}
	return NotReached, err
}

// forget removes the record and the address.
func (s *Computer) forget() error {
	unlock, err := files.LockFile(s.Paths.PairingFile())
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(s.Paths.PairingFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.Config.Server == (config.Server{}) {
		return nil
	}
	c, err := config.Update(s.Paths.ConfigFile(), func(c *config.Config) error {
		c.Server = config.Server{}
		return nil
	})
	if err == nil {
		s.Config = c
	}
	return err
}

// removeItems deletes the vault's own items that match. It carries on past
// failures and says what it removed.
func (s *Computer) removeItems(ctx context.Context, v vault.Vault, match func(vault.Item) bool) ([]vault.Item, error) {
	items, err := v.List(ctx)
	if err != nil {
		return nil, err
	}
	var removed []vault.Item
	var errs []error
	for _, i := range items {
		if !i.Own || !match(i) {
			continue
		}
		switch err := i.Remove(ctx); {
		case err == nil:
			removed = append(removed, i)
		case !errors.Is(err, vault.ErrNotFound):
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}

// empty removes all items of this home; a vault that is damaged as a whole goes
// as a whole.
func (s *Computer) empty(ctx context.Context, v vault.Vault) ([]vault.Item, error) {
	removed, err := s.removeItems(ctx, v, func(vault.Item) bool { return true })
	var damaged *vault.CorruptError
	if errors.As(err, &damaged) && len(removed) == 0 {
		return vault.RemoveDamaged(ctx, v)
	}
	return removed, err
}

// ClearVault removes every item of this home from the vault, the ones that a
// pairing still needs included, and a vault that is damaged as a whole.
func (s *Computer) ClearVault(ctx context.Context) ([]vault.Item, error) {
	done, err := s.lockPairing(ctx, "clearing the keychain")
	if err != nil {
		return nil, err
	}
	defer done()
	v, err := s.Vault()
	if err != nil {
		return nil, err
	}
	return s.empty(ctx, v)
}
