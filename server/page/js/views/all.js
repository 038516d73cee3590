// SPDX-License-Identifier: Apache-2.0
// The views: which there are for a region and for an institution, and which routes each needs.
import { reportControl } from "../filing.js";
import { periodControl } from "../period.js";
import { billsView, mayEnter, mayReadFees } from "./bills.js";
import { eventsView } from "./events.js";
import { formsView } from "./forms.js";
import { institutionsView } from "./institutions.js";
import { mapView } from "./map.js";
import { metersView } from "./meters.js";
import { institutionOverview } from "./institution.js";
import { loadView } from "./load.js";
import { itemsView } from "./items.js";
import { regionOverview } from "./overview.js";
import { rankingView } from "./ranking.js";
import { remindersView } from "./reminders.js";
import { regionSavingsView } from "./region_savings.js";
import { savingsView } from "./savings.js";
import { summaryView } from "./summary.js";

// A sum over many institutions is open (L1), what tells of single ones is of grade L2; a reporter reaches more at its own.
const OPEN = 1, SINGLE = 2;

const region = [
  { id: "overview", grade: OPEN, needs: ["GET /api/v1/regions/{code}/kpis"], controls: periodControl, build: regionOverview, isLive: true },
  { id: "ranking", needs: ["GET /api/v1/regions/{code}/ranking"], build: rankingView, isLive: true },
  { id: "map", needs: ["GET /api/v1/institutions"], controls: periodControl, build: mapView },
  { id: "institutions", grade: OPEN, icon: "list", needs: ["GET /api/v1/institutions"], build: institutionsView },
  { id: "savings", needs: ["GET /api/v1/regions/{code}/savings"], build: regionSavingsView },
  { id: "forms", needs: ["GET /api/v1/statistics/{year}"], controls: reportControl, build: summaryView },
  { id: "reminders", icon: "reminder", needs: ["GET /api/v1/reminders/{year}"], controls: reportControl, build: remindersView },
  { id: "events", needs: ["GET /api/v1/events"], build: eventsView, isLive: true },
];
const institution = [
  { id: "overview", needs: ["GET /api/v1/institutions/{id}/kpis"], controls: periodControl, build: institutionOverview, isLive: true },
  { id: "load", needs: ["GET /api/v1/institutions/{id}/energy"], build: loadView, isLive: true },
  { id: "items", needs: ["GET /api/v1/institutions/{id}/energy"], build: itemsView },
  { id: "savings", needs: ["GET /api/v1/institutions/{id}/savings"], build: savingsView },
  { id: "bills", icon: "bill", needs: ["GET /api/v1/bills", "POST /api/v1/bills"], build: billsView,
    isFor: (session, subject) => mayEnter(session) || mayReadFees(session, subject) },
  { id: "forms", needs: ["GET /api/v1/statistics/{year}/{institution}"], controls: reportControl, build: formsView },
  { id: "meters", needs: ["GET /api/v1/institutions/{id}/meters"], build: metersView, isLive: true },
  { id: "events", needs: ["GET /api/v1/events"], build: eventsView, isLive: true },
];

export function mayRead(session, kind, id, grade = SINGLE) {
  const isOwn = session.role === "reporter" && kind === "institution" && session.scope.some((scope) => scope.institution === id);
  return isOwn || session.grade >= grade;
}

export function viewsOf(kind, session, subject) {
  const id = subject.institution && subject.institution.institution;
  return (kind === "institution" ? institution : region).filter((view) => mayRead(session, kind, id, view.grade) && (!view.isFor || view.isFor(session, subject)));
}
