// htmx itself. Its settings stand in the page's meta element (views/layout);
// here is only what cannot be said as JSON.
import htmx from "htmx.org";

// A lost connection is taken up again after 0.3 to 10 s, at random, so that a
// restarted server is not run over by all its pages at once.
htmx.config.wsReconnectDelay = (tries) => 300 + Math.random() * Math.min(10_000, 500 * 2 ** tries);

window.htmx = htmx;
