"""The admin's doors: the overview, maintenance by name, settings that hold at once. Others: admin_pages.py."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request

from infitalks.actions import admin, figures, maintenance
from infitalks.actions.inspection import in_words
from infitalks.blueprints import admin_pages
from infitalks.blueprints.guard import page, read_form
from infitalks.errors import InfiTalksError
from infitalks.models.database import Doc
from infitalks.models.maintenance import Report, newest_report_of
from infitalks.models.site import newest_acts, site
from infitalks.models.users import User
from infitalks.schemas.admin import SiteIn
from infitalks.words import _

blueprint = Blueprint("admin", __name__)
blueprint.register_blueprint(admin_pages.blueprint)

REPORTS_SHOWN = 30
ACTS_SHOWN = 20
FOLLOW_SECONDS = 2
BAR, GAP, HIGH = 8, 2, 80  # of a plot, in its own units


@blueprint.get("/admin")
@page(auth="admin")
def admin_page(me: User) -> str:
    days = figures.activity()
    findings, ago = figures.health(current_app.extensions["settings"])
    weighed = newest_report_of("storage")
    return render_template(
        "admin.html",
        counts=figures.site_counts(),
        findings=sorted(findings, key=lambda finding: not finding.fault),
        faults=sum(bool(finding.fault) for finding in findings),
        ago=ago,
        depths=figures.depths(),
        waiting=figures.waiting_counts(),
        dead=sum(figures.dead_counts().values()),
        disk=in_words(figures.stored_bytes()),
        pictures=in_words(weighed.counts.get("picture bytes", 0)) if weighed else "",
        days=days,
        plots=[_plot(days, "messages", _("Messages a day")), _plot(days, "people", _("People who wrote, a day"))],
        acts=newest_acts(ACTS_SHOWN),
    )


def _plot(days: list[Doc], field: str, title: str) -> Doc:
    """Bars of one figure of the days, the highest as high as the plot."""
    most = max((day.get(field, 0) for day in days), default=0)
    bars = [
        {"x": place * (BAR + GAP), "high": max(2, round(HIGH * day[field] / most)), "of": day[field], "day": day["_id"]}
        for place, day in enumerate(days)
        if day.get(field)
    ]
    wide = len(days) * (BAR + GAP) - GAP
    return {"title": title, "most": most, "bars": bars, "wide": wide, "high": HIGH, "bar": BAR}


@blueprint.get("/admin/maintenance")
@page(auth="admin")
def maintenance_page(me: User) -> str:
    reports = maintenance.history(REPORTS_SHOWN)
    running = any(report.is_open for report in reports)
    return render_template(
        "admin_maintenance.html",
        tasks=maintenance.TASKS.values(),
        daily=maintenance.daily_tasks(),
        reports=[_report(report) for report in reports],
        running=running,
        follow=FOLLOW_SECONDS if running and "follow" in request.args else 0,
    )


def _report(report: Report) -> dict[str, Any]:
    names = ("id", "task", "state", "by", "dry_run", "counts", "lines", "message", "queued_at", "total", "seen")
    took = (report.finished_at or datetime.now(UTC)) - report.started_at if report.started_at else None
    seconds = round(took.total_seconds(), 1) if took else None
    return {**{name: getattr(report, name) for name in names}, "is_open": report.is_open, "seconds": seconds}


@blueprint.post("/admin/maintenance/<name>/run")
@page(auth="admin", limit="30/minute")
def run_form(me: User, name: str) -> Any:
    report = admin.run_task(me, name, dry_run=bool(request.form.get("dry_run")))
    flash(_("%(task)s is queued.") % {"task": report.task})
    return redirect("/admin/maintenance?follow=1")  # no fragment: with one, browsers do not ask again by themselves


@blueprint.post("/admin/maintenance/<name>/daily")
@page(auth="admin", limit="30/minute")
def daily_form(me: User, name: str) -> Any:
    admin.choose_daily(me, name, on=bool(request.form.get("on")))
    return redirect("/admin/maintenance#tasks")


@blueprint.get("/admin/settings")
@page(auth="admin")
def settings_page(me: User) -> Any:
    return _settings()


def _settings(error: InfiTalksError | None = None) -> Any:
    errors = {} if error is None else error.fields or {"": error.message}
    html = render_template("admin_settings.html", site=site(), errors=errors, values=request.form)
    return (html, error.status) if error else html


@blueprint.post("/admin/settings")
@page(auth="admin", limit="30/minute", form=SiteIn)
def settings_form(me: User) -> Any:
    try:
        admin.change_site(me, read_form(SiteIn))
    except InfiTalksError as error:
        return _settings(error)
    flash(_("Saved. It holds from now on."))
    return redirect("/admin/settings")
