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

startPrefs();
startRouter();
startClock();
startStream();
followOtherTabs();
render(<App />, document.getElementById("app")!);
