package pairing_test

import (
	"fmt"
	"slices"
	"testing"

	"healthsync/app/pairing"
)

func TestTriage(t *testing.T) {
	claim := func(inName, atStored bool, o pairing.Outcome) pairing.Claim {
		return pairing.Claim{InName: inName, AtStored: atStored, Outcome: o}
	}
	const ours, other = true, false
	const there, elsewhere = true, false
	seen := map[pairing.Verdict]bool{}
	for _, c := range []struct {
		name string
		f    pairing.Facts
		want pairing.Verdict
	}{
		{"it answers where it was", pairing.Facts{Stored: pairing.Ours, OnLink: true}, pairing.Unmoved},
		{"it answers, and an impostor speaks in its name", pairing.Facts{Stored: pairing.Ours, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Stranger)}}, pairing.Unmoved},
		{"its certificate has expired", pairing.Facts{Stored: pairing.Faulty, OnLink: true}, pairing.Unmoved},
		{"its certificate is not for that address", pairing.Facts{Stored: pairing.Unnamed, OnLink: true}, pairing.Unmoved},
		{"it breaks off", pairing.Facts{Stored: pairing.Broken, OnLink: true}, pairing.Unmoved},
		{"the keychain is locked", pairing.Facts{Stored: pairing.Unjudged, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Unjudged)}}, pairing.Unmoved},

		{"another address", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Ours)}}, pairing.Moved},
		{"another port", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Ours)}}, pairing.Moved},
		{"renamed too", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(other, elsewhere, pairing.Ours)}}, pairing.Moved},
		{"beside an impostor", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Stranger), claim(ours, elsewhere, pairing.Ours)}}, pairing.Moved},
		{"away from a stranger's address", pairing.Facts{Stored: pairing.Stranger, OnLink: true, Claims: []pairing.Claim{claim(other, there, pairing.Stranger), claim(ours, elsewhere, pairing.Ours)}}, pairing.Moved},
		{"a certificate that lags behind", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Unnamed)}}, pairing.Lagging},

		{"another key at its place", pairing.Facts{Stored: pairing.Stranger, OnLink: true, Announced: true}, pairing.Rekeyed},
		{"another key at its address", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Stranger)}}, pairing.Rekeyed},
		{"another key, not announced", pairing.Facts{Stored: pairing.Stranger, OnLink: true}, pairing.Rekeyed},

		{"another iPhone got its address", pairing.Facts{Stored: pairing.Stranger, OnLink: true, Claims: []pairing.Claim{claim(other, there, pairing.Stranger)}}, pairing.AnotherPhone},
		{"a printer got its address", pairing.Facts{Stored: pairing.Alien, OnLink: true}, pairing.AnotherPhone},

		{"its name elsewhere", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Stranger)}}, pairing.Taken},
		{"its name on what is no iPhone", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Alien)}}, pairing.Taken},
		{"its name and place on what is no iPhone", pairing.Facts{Stored: pairing.Alien, OnLink: true, Announced: true}, pairing.Taken},
		{"two of its name, one at its address", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Stranger), claim(ours, elsewhere, pairing.Stranger)}}, pairing.Taken},

		{"nobody", pairing.Facts{Stored: pairing.Silent, OnLink: true}, pairing.Asleep},
		{"it does not share", pairing.Facts{Stored: pairing.Refusing, OnLink: true}, pairing.Asleep},
		{"no way, as Linux says of who is away", pairing.Facts{Stored: pairing.NoWay, OnLink: true}, pairing.Asleep},
		{"a sleep proxy speaks for it", pairing.Facts{Stored: pairing.Silent, OnLink: true, Announced: true}, pairing.Asleep},
		{"announced with a port of before", pairing.Facts{Stored: pairing.Refusing, OnLink: true, Claims: []pairing.Claim{claim(ours, there, pairing.Refusing)}}, pairing.Asleep},
		{"others of another name", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(other, elsewhere, pairing.Stranger), claim(other, elsewhere, pairing.Silent)}}, pairing.Asleep},
		{"away, and a VPN is up", pairing.Facts{Stored: pairing.Silent, OnLink: true, Tunnel: true}, pairing.Asleep},
		{"nothing could be heard", pairing.Facts{Stored: pairing.Silent, OnLink: true, Deaf: true}, pairing.Asleep},

		{"in a café", pairing.Facts{Stored: pairing.Silent}, pairing.OtherNetwork},
		{"in a café where a router refuses", pairing.Facts{Stored: pairing.Refusing}, pairing.OtherNetwork},
		{"in no network", pairing.Facts{Stored: pairing.NoWay, Deaf: true}, pairing.OtherNetwork},

		{"macOS lets nothing through", pairing.Facts{Stored: pairing.NoWay, OnLink: true, Denied: true}, pairing.Blocked},
		{"client isolation", pairing.Facts{Stored: pairing.Silent, OnLink: true, Claims: []pairing.Claim{claim(ours, elsewhere, pairing.Silent)}}, pairing.Blocked},
		{"announced and no way there", pairing.Facts{Stored: pairing.NoWay, OnLink: true, Announced: true}, pairing.Blocked},
		{"announced, and a VPN is up", pairing.Facts{Stored: pairing.Silent, OnLink: true, Announced: true, Tunnel: true}, pairing.Blocked},
		{"a VPN swallows everything", pairing.Facts{Stored: pairing.Silent, OnLink: true, Deaf: true, Tunnel: true}, pairing.Blocked},
	} {
		got := pairing.Triage(c.f)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		seen[got] = true
		slices.Reverse(c.f.Claims) // in whatever order they were heard
		if again := pairing.Triage(c.f); again != got {
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
	var claims []pairing.Claim
	for o := pairing.Silent; o <= pairing.Unjudged; o++ {
		for _, inName := range yesNo {
			for _, at := range yesNo {
				claims = append(claims, pairing.Claim{InName: inName, AtStored: at, Outcome: o})
			}
		}
	}
	n := 0
	each := func(f pairing.Facts) {
		for stored := pairing.Silent; stored <= pairing.Unjudged; stored++ {
			for bits := range 32 {
				f.Stored, f.OnLink, f.Announced, f.Deaf, f.Denied, f.Tunnel = stored, bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0, bits&16 > 0
				v := pairing.Triage(f)
				n++
				if !slices.Contains(pairing.Verdicts(), v) {
					t.Fatalf("%+v: %q", f, v)
				}
				proved := slices.ContainsFunc(f.Claims, func(c pairing.Claim) bool { return c.Outcome == pairing.Ours })
				if v == pairing.Moved != (proved && stored != pairing.Ours && stored != pairing.Faulty && stored != pairing.Unjudged) {
					t.Fatalf("%+v: %s", f, v)
				}
				if len(f.Claims) == 2 {
					f.Claims[0], f.Claims[1] = f.Claims[1], f.Claims[0]
					if again := pairing.Triage(f); again != v {
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
