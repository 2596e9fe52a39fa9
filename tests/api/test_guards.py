"""No route lacks a guard: each declares who may call it, CSRF, a rate limit and its shapes."""

from flask import Flask
from werkzeug.routing import Rule

from infitalks.blueprints.guard import SAFE, Policy
from infitalks.blueprints.openapi import policies

# Unsafe routes without a user, as design 10 lists them: what the request itself carries is checked instead.
WITHOUT_CSRF = {"/api/auth/tokens", "/api/auth/tokens/refresh", "/api/realtime/webhook", "/hooks/<secret>"}
WITHOUT_CSRF |= {"/hooks/reply/<token>", "/hooks/<secret>/<name>", "/hooks/<secret>/discord/messages/<message_id>"}
# Pages whose form is read by hand: two fields, or a file.
FORMS_BY_HAND = {
    "/logout",
    "/chats",
    "/settings/picture/<media_id>/retry",
    "/settings/sessions/<name>/end",
    "/settings/sessions/end-others",
    "/settings/bots/<bot_id>/token",
    "/settings/bots/<bot_id>/delete",
    "/c/<chat_id>/settings/picture",
    "/c/<chat_id>/settings/picture/<media_id>/retry",
    "/c/<chat_id>/settings/members",
    "/c/<chat_id>/settings/members/<user_id>/remove",
    "/c/<chat_id>/settings/leave",
    "/c/<chat_id>/settings/webhooks/<webhook_id>/switch",
    "/c/<chat_id>/settings/webhooks/<webhook_id>/rotate",
    "/c/<chat_id>/settings/webhooks/<webhook_id>/delete",
    "/c/<chat_id>/settings/webhooks/<webhook_id>/test",
    "/c/<chat_id>/settings/webhooks/<webhook_id>/redeliver",
    "/c/<chat_id>/settings/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
    "/admin/maintenance/<name>/daily",
    "/admin/maintenance/<name>/run",
    "/admin/users/<user_id>/disable",
    "/admin/users/<user_id>/enable",
    "/admin/users/<user_id>/promote",
    "/admin/users/<user_id>/demote",
    "/admin/users/<user_id>/end-sessions",
    "/admin/webhooks/<webhook_id>/switch",
    "/admin/webhooks/<webhook_id>/redeliver",
    "/admin/dead/<entry_id>/replay",
}
# JSON routes whose unsafe methods take no JSON: multipart, a form of pusher-js, or nothing at all.
WITHOUT_BODY = {
    "/api/auth/logout",
    "/api/media",
    "/api/media/<media_id>/retry",
    "/api/realtime/auth",
    "/api/chats/<chat_id>/typing",
    "/api/messages/<message_id>/reactions/<emoji>",
    "/api/messages/<message_id>/pin",
    "/api/messages/<message_id>/saved",
    "/api/webhooks/<webhook_id>/rotate",
    "/api/webhooks/<webhook_id>/test",
    "/api/webhooks/<webhook_id>/deliveries/redeliver",
    "/api/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
}


def guarded(app: Flask) -> list[tuple[Rule, Policy]]:
    found = policies(app)
    assert len(found) > 40
    missing = [rule.rule for rule, policy in found if policy is None]
    assert not missing
    return [(rule, policy) for rule, policy in found if policy]


def is_unsafe(rule: Rule) -> bool:
    return bool((rule.methods or set()) - set(SAFE))


def test_every_route_has_a_policy(app: Flask) -> None:
    guarded(app)


def test_a_route_without_a_guard_is_found(app: Flask) -> None:
    bare = Flask("bare")
    bare.add_url_rule("/bare", view_func=lambda: "bare", endpoint="bare")
    assert [policy for _, policy in policies(bare)] == [None]


def test_every_unsafe_route_checks_csrf_but_those_that_carry_their_own_proof(app: Flask) -> None:
    without = {rule.rule for rule, policy in guarded(app) if is_unsafe(rule) and not policy.csrf}
    assert without == WITHOUT_CSRF


def test_every_route_has_a_rate_limit(app: Flask) -> None:
    from limits import parse

    for rule, policy in guarded(app):
        assert parse(policy.limit).amount > 0, rule.rule


def test_signing_in_and_asking_bots_is_limited_for_all_processes_together(app: Flask) -> None:
    shared = {(rule.rule, policy.limit) for rule, policy in guarded(app) if policy.shared}
    signing_in = {"/api/auth/register", "/api/auth/login", "/api/auth/tokens", "/login", "/register"}
    asking = {
        "/api/chats/<chat_id>/commands",
        "/api/messages/<message_id>/actions",
        "/api/ephemerals/<ephemeral_id>/actions",
    }
    assert {rule for rule, _ in shared} == signing_in | asking
    assert {limit for rule, limit in shared if rule in asking} == {"60/minute"}


def test_every_unsafe_json_route_has_a_shape_for_its_body(app: Flask) -> None:
    for rule, policy in guarded(app):
        unsafe = (rule.methods or set()) - set(SAFE) - {"DELETE"}
        if policy.kind == "api" and unsafe and rule.rule not in WITHOUT_BODY:
            assert policy.body is not None, rule.rule


def test_every_form_has_a_shape_or_is_known_to_be_read_by_hand(app: Flask) -> None:
    for rule, policy in guarded(app):
        if policy.kind == "page" and is_unsafe(rule) and rule.rule not in FORMS_BY_HAND:
            assert policy.form is not None, rule.rule


def test_every_json_route_declares_its_answers(app: Flask) -> None:
    for rule, policy in guarded(app):
        if policy.kind == "api":
            assert policy.answers, rule.rule
