package live

import (
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// Times of a connection. A browser that does not answer a ping has gone.
const (
	pingEvery  = 25 * time.Second
	pongWithin = 60 * time.Second
	writeLimit = 10 * time.Second
	readLimit  = 512 // bytes: pages send nothing
)

// message is what a page is sent.
type message struct {
	Changed []string `json:"changed,omitempty"`
	Resync  bool     `json:"resync,omitempty"`
}

// Serve passes changes to the connection until it ends.
func (h *Hub) Serve(conn *websocket.Conn, who models.Listening) {
	l := h.join(who)
	defer h.leave(l)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		h.read(conn)
	}()
	// The connection goes back to a pool when Serve returns: nobody may still read from it.
	defer func() { conn.Close(); <-gone }()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-gone:
			return
		case why := <-l.end:
			h.end(conn, why)
			return
		case <-ping.C:
			err = conn.WriteControl(websocket.PingMessage, nil, h.now().Add(writeLimit))
		case c := <-l.changes:
			conn.SetWriteDeadline(h.now().Add(writeLimit))
			err = conn.WriteJSON(l.gather(c))
		}
		if err != nil {
			return
		}
	}
}

// read takes what the browser sends, which is nothing but answers to pings.
func (h *Hub) read(conn *websocket.Conn) {
	conn.SetReadLimit(readLimit)
	alive := func(string) error { return conn.SetReadDeadline(h.now().Add(pongWithin)) }
	conn.SetPongHandler(alive)
	for err := alive(""); err == nil; {
		_, _, err = conn.ReadMessage()
	}
}

func (h *Hub) end(conn *websocket.Conn, why ending) {
	code, text := websocket.ClosePolicyViolation, "signed out"
	if why == restart {
		code, text = websocket.CloseServiceRestart, "restarting"
	}
	conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), h.now().Add(time.Second))
}

// gather makes one message of c and of what waits behind it.
func (l *listener) gather(c models.Change) message {
	var m message
	seen := map[string]bool{}
	add := func(c models.Change) {
		m.Resync = m.Resync || c.Topic == ""
		for _, name := range names(c) {
			if !seen[name] {
				seen[name] = true
				m.Changed = append(m.Changed, name)
			}
		}
	}
	add(c)
	for {
		select {
		case c := <-l.changes:
			add(c)
			continue
		default:
		}
		break
	}
	if m.Resync {
		m.Changed = nil
	}
	return m
}

// names are the change's topics as elements of a page name them in data-live.
func names(c models.Change) []string {
	switch c.Topic {
	case "":
		return nil
	case "posts":
		if c.ID == "" || c.ID == uuid.Nil.String() {
			return []string{"calendar", "posts"}
		}
		return []string{"post:" + c.ID, "calendar", "posts"}
	}
	return []string{c.Topic}
}
