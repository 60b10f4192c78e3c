package pairing_test

import (
	"fmt"
	"slices"
	"testing"

	"healthsync/app/pairing"
)

func TestTriage(t *testing.T) {
	claim := func(inName, atStored bool, i pairing.Identity) pairing.Claim {
		return pairing.Claim{InName: inName, AtStored: atStored, Seen: pairing.Seen{Identity: i}}
	}
	const ours, other = true, false
	const there, elsewhere = true, false
	seen := map[pairing.Verdict]bool{}
	for _, c := range []struct {
		name string
		f    pairing.Facts
		want pairing.Verdict
	}{
		{"it answers where it was", pairing.Facts{Stored: pairing.Yours, OnLink: true}, pairing.Unmoved},
		{"it answers, and an impostor speaks in its name", pairing.Facts{Stored: pairing.Yours, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Other)}}, pairing.Unmoved},
		{"its certificate has expired", pairing.Facts{Stored: pairing.YoursInvalid, OnLink: true}, pairing.Unmoved},
		{"its certificate is not for that address", pairing.Facts{Stored: pairing.YoursMisnamed, OnLink: true}, pairing.Unmoved},
		{"it breaks off", pairing.Facts{Stored: pairing.BrokeOff, OnLink: true}, pairing.Unmoved},
		{"the keychain is locked", pairing.Facts{Stored: pairing.Unchecked, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Unchecked)}}, pairing.Unmoved},

		{"another address", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Yours)}}, pairing.Moved},
		{"another port", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Yours)}}, pairing.Moved},
		{"renamed too", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(other, elsewhere, pairing.Yours)}}, pairing.Moved},
		{"beside an impostor", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Other), claim(ours, elsewhere, pairing.Yours)}}, pairing.Moved},
		{"away from a stranger's address", pairing.Facts{Stored: pairing.Other, OnLink: true, Claims: []pairing.Claim{claim(other, there, pairing.Other), claim(ours, elsewhere, pairing.Yours)}}, pairing.Moved},
		{"a certificate that lags behind", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.YoursMisnamed)}}, pairing.Lagging},

		{"another key at its place", pairing.Facts{Stored: pairing.Other, OnLink: true, Announced: true}, pairing.Rekeyed},
		{"another key at its address", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Other)}}, pairing.Rekeyed},
		{"another key, not announced", pairing.Facts{Stored: pairing.Other, OnLink: true}, pairing.Rekeyed},

		{"another iPhone got its address", pairing.Facts{Stored: pairing.Other, OnLink: true, Claims: []pairing.Claim{claim(other, there, pairing.Other)}}, pairing.AnotherPhone},
		{"a printer got its address", pairing.Facts{Stored: pairing.NoPhone, OnLink: true}, pairing.AnotherPhone},

		{"its name elsewhere", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Other)}}, pairing.Taken},
		{"its name on what is no iPhone", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.NoPhone)}}, pairing.Taken},
		{"its name and place on what is no iPhone", pairing.Facts{Stored: pairing.NoPhone, OnLink: true, Announced: true}, pairing.Taken},
		{"two of its name, one at its address", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Other), claim(ours, elsewhere, pairing.Other)}}, pairing.Taken},

		{"nobody", pairing.Facts{Stored: pairing.Silent, OnLink: true}, pairing.Asleep},
		{"it does not share", pairing.Facts{Stored: pairing.Refusing, OnLink: true}, pairing.Asleep},
		{"no way, as Linux says of who is away", pairing.Facts{Stored: pairing.Unreachable, OnLink: true}, pairing.Asleep},
		{"a sleep proxy speaks for it", pairing.Facts{Stored: pairing.Silent, OnLink: true, Announced: true}, pairing.Asleep},
		{"announced with a port of before", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Refusing)}}, pairing.Asleep},
		{"others of another name", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(other, elsewhere, pairing.Other), claim(other, elsewhere, pairing.Silent)}}, pairing.Asleep},
		{"away, and a VPN is up", pairing.Facts{Stored: pairing.Silent, OnLink: true, Tunnel: true}, pairing.Asleep},
		{"nothing could be heard", pairing.Facts{Stored: pairing.Silent, OnLink: true, NoBonjour: true}, pairing.Asleep},

		{"in a café", pairing.Facts{Stored: pairing.Silent}, pairing.OtherNetwork},
		{"in a café where a router refuses", pairing.Facts{Stored: pairing.Refusing}, pairing.OtherNetwork},
		{"in no network", pairing.Facts{Stored: pairing.Unreachable, NoBonjour: true}, pairing.OtherNetwork},

		{"macOS lets nothing through", pairing.Facts{Stored: pairing.Unreachable, OnLink: true, Denied: true}, pairing.Blocked},
		{"client isolation", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Silent)}}, pairing.Blocked},
		{"announced and no way there", pairing.Facts{Stored: pairing.Unreachable, OnLink: true, Announced: true}, pairing.Blocked},
		{"announced, and a VPN is up", pairing.Facts{Stored: pairing.Silent, OnLink: true, Announced: true, Tunnel: true}, pairing.Blocked},
		{"a VPN swallows everything", pairing.Facts{Stored: pairing.Silent, OnLink: true, NoBonjour: true, Tunnel: true}, pairing.Blocked},
	} {
		got, _ := pairing.Triage(c.f)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		seen[got] = true
		slices.Reverse(c.f.Claims) // in whatever order they were heard
		if again, _ := pairing.Triage(c.f); again != got {
			t.Errorf("%s: %s, and in another order %s", c.name, got, again)
		}
	}
	for _, v := range pairing.Verdicts() {
		if !seen[v] {
			t.Errorf("no case ends in %s", v)
		}
	}
}

// All facts there can be, with up to two claims: there is always a verdict, the
// order in which claims were heard does not matter, who has proved to be ours is
// followed whatever else is said, and nobody else ever is.
func TestTriageWhole(t *testing.T) {
	yesNo := []bool{false, true}
	identities := []pairing.Identity{
		pairing.Yours, pairing.YoursInvalid, pairing.YoursMisnamed, pairing.Other, pairing.NoPhone, pairing.Unchecked,
		pairing.Silent, pairing.Refusing, pairing.Unreachable, pairing.BrokeOff,
	}
	var claims []pairing.Claim
	for _, i := range identities {
		for _, inName := range yesNo {
			for _, at := range yesNo {
				claims = append(claims, pairing.Claim{InName: inName, AtStored: at, Seen: pairing.Seen{Identity: i}})
			}
		}
	}
	n := 0
	each := func(f pairing.Facts) {
		for _, stored := range identities {
			for bits := range 32 {
				f.Stored, f.OnLink, f.Announced, f.NoBonjour, f.Denied, f.Tunnel = stored, bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0, bits&16 > 0
				v, _ := pairing.Triage(f)
				n++
				if !slices.Contains(pairing.Verdicts(), v) {
					t.Fatalf("%+v: %q", f, v)
				}
				proved := slices.ContainsFunc(f.Claims, func(c pairing.Claim) bool { return c.Identity == pairing.Yours })
				if v == pairing.Moved != (proved && stored != pairing.Yours && stored != pairing.YoursInvalid && stored != pairing.Unchecked) {
					t.Fatalf("%+v: %s", f, v)
				}
				if len(f.Claims) == 2 {
					f.Claims[0], f.Claims[1] = f.Claims[1], f.Claims[0]
					if again, _ := pairing.Triage(f); again != v {
						t.Fatalf("%+v: %s and %s", f, v, again)
					}
				}
			}
		}
	}
	each(pairing.Facts{})
	for i, a := range claims {
		each(pairing.Facts{Claims: []pairing.Claim{a}})
		for _, b := range claims[i:] {
			each(pairing.Facts{Claims: []pairing.Claim{a, b}})
		}
	}
	t.Log(fmt.Sprint(n, " sets of facts"))
}
