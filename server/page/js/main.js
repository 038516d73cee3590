// SPDX-License-Identifier: Apache-2.0
// The page's start: theme, language, session, and a view for each address.
import { forgetToken, getText, learnRoutes, token, whenSignedOut, get } from "./api.js";
import { setClock } from "./clock.js";
import { replace } from "./dom.js";
import { onLanguage, startLanguage, t } from "./i18n.js";
import { redrawPlots } from "./plot.js";
import { go, here } from "./route.js";
import { onTheme, startTheme } from "./theme.js";
import { Shell } from "./shell.js";
import { signIn } from "./views/signin.js";

const REFRESH_MS = 60000;
const app = document.getElementById("app");
let shell = null;
let session = null;

function showSignIn(words) {
  shell = session = null;
  replace(app, signIn(start, words));
  app.querySelector("input").focus();
}

// Where a token's owner begins: the region, or the institution, that it is for.
export function homeOf(scope) {
  const first = scope[0] || {};
  return first.region ? { kind: "region", id: first.region, view: "overview" } : { kind: "institution", id: first.institution, view: "overview" };
}

async function start() {
  const [mine, settings] = await Promise.all([get("/token"), getText("/page.json"), learnRoutes()]);
  setClock(mine.server.time);
  const scope = mine.scope.filter((one) => one.region || one.institution); // a department is no place
  session = { ...mine, scope, settings, home: homeOf(scope) };
  shell = new Shell(session, leave);
  replace(app, shell.node);
  if (here().kind) show();
  else go(session.home);
}

function leave() {
  forgetToken();
  location.hash = "";
  showSignIn();
}

function show() {
  if (!shell) return;
  if (here().kind) shell.show(here());
  else go(session.home);
}

function rebuild() {
  document.title = `${t("app.name")} · ${t("app.long")}`;
  if (session) {
    shell = new Shell(session, leave);
    replace(app, shell.node);
    show();
  } else if (app.querySelector(".sign")) {
    showSignIn();
  }
}

startTheme();
startLanguage();
onLanguage(rebuild);
onTheme(redrawPlots);
whenSignedOut(() => {
  if (!session) return; // signing in tells it itself
  forgetToken();
  showSignIn(t("sign.gone"));
});
addEventListener("hashchange", show);
setInterval(() => {
  if (shell && !document.hidden) shell.refresh();
}, REFRESH_MS);
document.title = `${t("app.name")} · ${t("app.long")}`;
if (token()) start().catch((error) => {
  if (error.status === 401) forgetToken();
  showSignIn(t(error.status === 401 ? "sign.gone" : "sign.unreachable"));
});
else showSignIn();
