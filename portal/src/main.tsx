import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/views.css";
import { render } from "preact";
import { App } from "./app";
import { startClock } from "./lib/clock";
import { startPrefs } from "./lib/prefs";
import { startRouter } from "./lib/router";
import { startStream } from "./lib/stream";
import { followOtherTabs } from "./lib/tenant";

// After an update of the server an open tab may ask for a piece that is gone: the page is loaded anew, once.
window.addEventListener("vite:preloadError", (event) => {
  const key = "muster.reloaded";
  if (Date.now() - Number(sessionStorage.getItem(key) ?? 0) < 60_000) return;
  sessionStorage.setItem(key, String(Date.now()));
  event.preventDefault();
  location.reload();
});

startPrefs();
startRouter();
startClock();
startStream();
followOtherTabs();
render(<App />, document.getElementById("app")!);
