package models_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/internal/redistest"
	"github.com/allin-platform/allin/models"
)

// inBoth runs the test with sessions in the database and with sessions in Redis.
func inBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	t.Run("Postgres", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("Redis", func(t *testing.T) { test(t, newWorldWith(t, redistest.Start(t).URL())) })
}

// newWorldWith is newWorld with sessions in that Redis.
func newWorldWith(t testing.TB, url string) *world {
	t.Helper()
	client, err := models.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	w := newWorldOn(t, database(t), func(c *models.Config) { c.Redis = client })
	w.redis = client
	return w
}

// session begins one of the person.
func (w *world) session(p *models.Person) *models.Session {
	w.t.Helper()
	s := &models.Session{Token: models.NewToken(), Data: []byte(`{"organization":"x"}`), Person: p}
	if err := w.Install("test").SaveSession(w.t.Context(), s, "127.0.0.1", "Test"); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// alive reports whether the token opens a session.
func (w *world) alive(token string) bool {
	w.t.Helper()
	s, err := w.Install("test").Session(w.t.Context(), token)
	if err != nil {
		w.t.Fatal(err)
	}
	return s != nil
}

// rest lets a session lie unused for so long.
func (w *world) rest(s *models.Session, d time.Duration) {
	w.t.Helper()
	id := hex.EncodeToString(s.ID())
	super(w.t, w.dsn, `update sessions set seen_at = seen_at - interval '`+d.String()+`' where id = '\x`+id+`'`)
	if w.redis == nil {
		return
	}
	key := "allin:session:" + id
	left := w.redis.PTTL(w.t.Context(), key).Val() - d
	if err := w.redis.PExpire(w.t.Context(), key, max(left, 0)).Err(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sql(statement string) { w.t.Helper(); super(w.t, w.dsn, statement) }

// founder is the owner of a new organization, as they sign in.
func (w *world) founder(name string) *models.Person {
	w.t.Helper()
	return w.person(w.organization(name))
}

func TestSessions(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, w *world, ann *models.Person, s *models.Session){
		"is what was kept": func(t *testing.T, w *world, ann *models.Person, s *models.Session) {
			found, err := w.Install("test").Session(t.Context(), s.Token)
			if err != nil || found == nil || string(found.Data) != `{"organization":"x"}` || found.Person.User.ID != ann.User.ID {
				t.Fatalf("found %+v, %v", found, err)
			}
			if !found.Proven(time.Minute) {
				t.Error("a new session is not proven")
			}
			found.Data = []byte(`{"organization":"y"}`)
			if err := w.Install("test").SaveSession(t.Context(), found, "", ""); err != nil {
				t.Fatal(err)
			}
			if found, err = w.Install("test").Session(t.Context(), s.Token); err != nil || string(found.Data) != `{"organization":"y"}` {
				t.Errorf("found %s, %v", found.Data, err)
			}
		},
		"ends unused": func(t *testing.T, w *world, _ *models.Person, s *models.Session) {
			w.rest(s, 11*time.Hour)
			if !w.alive(s.Token) {
				t.Fatal("it ended too early")
			}
			w.rest(s, 11*time.Hour) // it was used in between
			if !w.alive(s.Token) {
				t.Fatal("use does not lengthen it")
			}
			w.rest(s, 13*time.Hour)
			if w.alive(s.Token) {
				t.Error("it lives after 13 hours")
			}
		},
		"ends in any case": func(t *testing.T, w *world, _ *models.Person, s *models.Session) {
			w.sql(`update sessions set expires_at = now() - interval '1 second'`)
			if w.alive(s.Token) {
				t.Error("it lives beyond its lifetime")
			}
		},
		"gets another token": func(t *testing.T, w *world, _ *models.Person, s *models.Session) {
			old := s.Token
			if err := w.Install("test").RenewSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if w.alive(old) || !w.alive(s.Token) {
				t.Error("the old token opens it, or the new one does not")
			}
		},
		"proof grows old and is renewed": func(t *testing.T, w *world, _ *models.Person, s *models.Session) {
			w.sql(`update sessions set proved_at = now() - interval '11 minutes'`)
			found, err := w.Install("test").Session(t.Context(), s.Token)
			if err != nil || found.Proven(10*time.Minute) {
				t.Fatal("a proof of 11 minutes ago counts", err)
			}
			old := found.Token
			if err := w.Install("test").Prove(t.Context(), found, "password"); err != nil {
				t.Fatal(err)
			}
			if w.alive(old) {
				t.Error("the token stays at a proof")
			}
			found, err = w.Install("test").Session(t.Context(), found.Token)
			if err != nil || !found.Proven(time.Minute) {
				t.Error("the proof is not kept", err)
			}
		},
		"is signed out": func(t *testing.T, w *world, _ *models.Person, s *models.Session) {
			if err := w.Install("test").EndSession(t.Context(), s.Token); err != nil {
				t.Fatal(err)
			}
			if w.alive(s.Token) {
				t.Error("it lives")
			}
		},
		"stands in the list of devices": func(t *testing.T, w *world, ann *models.Person, s *models.Session) {
			other, bob := w.session(ann), w.session(w.founder("Bob"))
			w.rest(other, time.Hour)
			list, err := ann.Devices(t.Context(), s.Token)
			if err != nil || len(list) != 2 || !list[0].Current || list[1].Current {
				t.Fatalf("devices %+v, %v", list, err)
			}
			if ago := time.Since(list[1].SeenAt); ago < 59*time.Minute || ago > 61*time.Minute {
				t.Errorf("last seen %s ago", ago)
			}
			if err := ann.RevokeDevice(t.Context(), hex.EncodeToString(bob.ID())); models.CodeOf(err) != models.NotFound {
				t.Errorf("revoking another's device: %v", err)
			}
			if err := ann.RevokeDevice(t.Context(), list[1].ID); err != nil {
				t.Fatal(err)
			}
			if w.alive(other.Token) || !w.alive(s.Token) || !w.alive(bob.Token) {
				t.Error("not exactly the revoked one ended")
			}
			third := w.session(ann)
			if err := ann.RevokeOtherDevices(t.Context(), s.Token); err != nil {
				t.Fatal(err)
			}
			if w.alive(third.Token) || !w.alive(s.Token) || !w.alive(bob.Token) {
				t.Error("not exactly the others ended")
			}
		},
		"ends with the password": func(t *testing.T, w *world, ann *models.Person, s *models.Session) {
			other := w.session(ann)
			if err := ann.ChangePassword(t.Context(), s, "another long password"); err != nil {
				t.Fatal(err)
			}
			if w.alive(other.Token) || !w.alive(s.Token) {
				t.Error("not exactly the others ended")
			}
		},
		"ends with a suspension": func(t *testing.T, w *world, ann *models.Person, s *models.Session) {
			w.sql(`update users set suspended_at = now() where id = '` + ann.User.ID.String() + `'`)
			if w.alive(s.Token) {
				t.Error("it lives")
			}
		},
		"is heard of while it lives": func(t *testing.T, w *world, ann *models.Person, s *models.Session) {
			list, err := ann.Memberships(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			listening := []models.Listening{{Session: s.ID(), Organization: list[0].OrganizationID, Role: models.Owner}}
			hears := func() bool {
				t.Helper()
				still, err := w.Install("test").StillListening(t.Context(), listening)
				if err != nil {
					t.Fatal(err)
				}
				return still[0]
			}
			if !hears() {
				t.Error("it does not hear")
			}
			w.rest(s, 13*time.Hour)
			if hears() {
				t.Error("it hears after it has ended unused")
			}
		},
		"takes what was begun at a network along": func(t *testing.T, w *world, ann *models.Person, s *models.Session) {
			list, err := ann.Memberships(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ws, err := ann.Workspace(t.Context(), list[0].OrganizationID)
			if err != nil {
				t.Fatal(err)
			}
			var state string
			err = ws.BeginConnect(t.Context(), s, func(made string) (models.Connecting, error) {
				state = made
				return models.Connecting{Network: "bluesky"}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Install("test").EndSession(t.Context(), s.Token); err != nil {
				t.Fatal(err)
			}
			if _, _, err := w.Install("test").EndConnect(t.Context(), s, "bluesky", state); models.CodeOf(err) != models.Invalid {
				t.Errorf("a session that has ended comes back from a network: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBoth(t, func(t *testing.T, w *world) {
				ann := w.founder("Ann")
				test(t, w, ann, w.session(ann))
			})
		})
	}
}

// While Redis is gone sessions go on in the database, and nobody is let in who
// was not; when it comes back, empty, nobody is signed out by that.
func TestR25SessionsWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newWorldWith(t, server.URL())
	ann := w.founder("Ann")
	s, ended := w.session(ann), w.session(ann)
	if err := w.Install("test").EndSession(t.Context(), ended.Token); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if !w.alive(s.Token) || w.alive(ended.Token) {
		t.Error("without Redis other sessions live than with it")
	}
	later := w.session(ann)
	if err := ann.RevokeDevice(t.Context(), hex.EncodeToString(later.ID())); err != nil {
		t.Fatal(err)
	}
	third := w.session(ann)
	w.sql(`update sessions set seen_at = now() - interval '13 hours' where id = '\x` + hex.EncodeToString(third.ID()) + `'`)
	if w.alive(later.Token) || w.alive(third.Token) {
		t.Error("what was revoked, or unused for too long, lives without Redis")
	}
	if err := w.Install("test").PingRedis(t.Context()); err == nil {
		t.Error("a Redis that is gone answers")
	}
	for range 12 {
		_, err := w.Install("test").SignIn(t.Context(), "ann@example.com", "guess", "192.0.2.1")
		if models.CodeOf(err) == models.Limited {
			break
		} else if models.CodeOf(err) != models.Invalid {
			t.Fatal(err)
		}
	}
	if _, err := w.Install("test").SignIn(t.Context(), "ann@example.com", "correct horse", "192.0.2.2"); models.CodeOf(err) != models.Limited {
		t.Errorf("without Redis guessing goes on: %v", err)
	}
	server.Again()
	time.Sleep(2100 * time.Millisecond) // it is asked again by then
	if !w.alive(s.Token) || w.alive(ended.Token) || w.alive(later.Token) {
		t.Error("with an empty Redis other sessions live than before")
	}
	if n := w.redis.Exists(t.Context(), "allin:session:"+hex.EncodeToString(s.ID())).Val(); n != 1 {
		t.Error("Redis does not know the session again")
	}
}

// rediss:// speaks TLS, and believes no certificate that nobody vouches for.
func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				to, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(server.URL(), "redis://"), "/0"))
				if err != nil {
					return
				}
				defer to.Close()
				go io.Copy(to, c)
				io.Copy(c, to)
			}()
		}
	}()
	for address, want := range map[string]bool{"rediss://" + ln.Addr().String() + "/0": false, "rediss://" + ln.Addr().String() + "/0?skip_verify=true": true} {
		client, err := models.OpenRedis(address)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := client.Ping(t.Context()).Err(); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := models.OpenRedis("http://secret@host"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an address that is none: %v", err)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
