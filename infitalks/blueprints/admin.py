"""The admin's doors: the overview, and maintenance tasks by name."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from infitalks.actions import maintenance
from infitalks.blueprints.guard import page
from infitalks.models.maintenance import Report, newest_reports
from infitalks.models.users import User
from infitalks.schemas.users import self_out

blueprint = Blueprint("admin", __name__)

REPORTS_SHOWN = 20
PEOPLE_SHOWN = 200


@blueprint.get("/admin")
@page(auth="admin")
def admin_page(me: User) -> str:
    return render_template(
        "admin.html",
        counts=maintenance.site_counts(),
        tasks=[{"name": task.name, "summary": task.summary} for task in maintenance.TASKS.values()],
        reports=[_report(report) for report in newest_reports(REPORTS_SHOWN)],
        people=[_person(user) for user in User.objects(kind="person").order_by("username")[:PEOPLE_SHOWN]],
    )


def _report(report: Report) -> dict[str, Any]:
    fields = ("task", "state", "started_at", "finished_at", "by", "dry_run", "counts", "message")
    return {"id": str(report.id), **{name: getattr(report, name) for name in fields}}


def _person(user: User) -> dict[str, Any]:
    return {
        "user": self_out(user).model_dump(),
        "email": user.email,
        "is_admin": bool(user.is_admin),
        "disabled": user.disabled_at is not None,
        "created_at": user.created_at,
    }


@blueprint.post("/admin/maintenance/<name>/run")
@page(auth="admin", limit="30/minute")
def run_form(me: User, name: str) -> Response:
    maintenance.ask(name, me.username, dry_run=bool(request.form.get("dry_run")))
    return redirect(url_for("admin.admin_page"))
