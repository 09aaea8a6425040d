// The page: asks the proxy once a second, and shows what follows from the answers.

import { onChange } from "./actions.mjs";
import { ask, path, token } from "./api.mjs";
import { Charts } from "./charts.mjs";
import { askToken } from "./dialog.mjs";
import { Events } from "./events.mjs";
import { explainForm } from "./explain.mjs";
import { Policies } from "./policies.mjs";
import { Poll } from "./poll.mjs";
import { Pools } from "./pools.mjs";
import { Readings } from "./readings.mjs";
import { Status } from "./status.mjs";
import { themeSwitch } from "./theme.mjs";
import { Workers } from "./workers.mjs";

const find = (id) => document.getElementById(id);
const readings = new Readings();
const status = new Status(find);
const charts = new Charts(find("charts"), find("scope"));
const pools = new Pools(find("pool-list"), find("search"), find("attention"));
const policies = new Policies(find("policies"));
const events = new Events(find("events"));
const workers = new Workers(find("workers"));
let since = 0;

async function read() {
  const overview = await ask(`${path("overview")}?since=${since}`);
  const view = readings.add(overview, Date.now());
  status.live(view.restarted);
  since = overview.last_event;
  if (view.restarted) {
    // Its events count from 1 again: what has happened before the next answer comes with it.
    since = 0;
    events.clear();
  } else {
    events.show(overview.events);
  }
  for (const part of [status, pools, policies, workers]) part.show(view);
  charts.show(view, readings);
}

const poll = new Poll({ ask: read, failed });

function failed(error, again) {
  readings.interrupt();
  if (error.status === 401) {
    poll.stop();
    const refused = token.get() !== null;
    token.forget();
    status.connection("lost", "The proxy asks for its token.");
    askToken(refused ? "The token that was given isn't the right one." : "Whoever has it may see and change everything here.", (given) => {
      token.set(given);
      poll.start();
    });
  } else if (error.status === undefined) {
    // A fault of this page, which must not look like one of the proxy.
    console.error(error);
    status.lost(`This page has a fault: ${error.message}.`, again);
  } else {
    status.lost(error.message, again);
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    poll.stop();
    readings.interrupt();
  } else {
    poll.start();
  }
});
onChange(() => poll.now());
explainForm(find("explain"));
themeSwitch(find("theme"), () => charts.redraw());
poll.start();
