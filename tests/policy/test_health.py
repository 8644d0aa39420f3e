"""One register says who may be asked, why not, and until when; and tells of each change once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Event, Exclusion, Health, Site
from trunkline.policy.outcome import NEUTRAL, SUCCESS, Outcome, classify

RULES = BreakerRules(spread=0.0)
SITE = Site("p/m@chat", "https://p", "p#0", "p/m", RULES)
OTHER_MODEL = replace(SITE, breaker="p/n@chat", leaf="p/n")
OTHER_KEY = replace(SITE, credential="p#1")
OTHER = Site("q/m@chat", "https://q", "q#0", "q/m", RULES)

BROKEN = classify("server_error", 500, "head", None)
SLOW = classify("timeout", None, "sent", None)
UNREACHED = classify("connect", None, "connect", None)
LIMITED = classify("rate_limited", 429, "head", None)
REFUSED = classify("auth", 401, "head", None)
FORBIDDEN = classify("auth", 403, "head", None)
UNKNOWN = classify("not_found", 404, "head", None)
BAD = classify("bad_request", 400, "head", None)


def health() -> Health:
    return Health(random.Random(1))


def calm(register: Health) -> bool:
    return register.calm


def send(
    register: Health, site: Site, outcome: Outcome, now: float, count: int = 1, digest: str = ""
) -> list[Event]:
    events = []
    for _ in range(count):
        events += register.end(register.begin(site, now), outcome, now, digest)
    return events


def test_a_register_is_calm_until_something_is_wrong_and_again_afterwards() -> None:
    register = health()
    assert send(register, SITE, SUCCESS, 0.0, 100) == []
    assert calm(register)
    assert register.excluded(SITE, 0.0) is None
    assert register.weight(SITE, 0.0) == 1.0
    send(register, SITE, BROKEN, 0.0, 5)
    assert not calm(register)
    assert register.excluded(SITE, 0.0) == Exclusion("ejected", 10.0, False)
    assert register.excluded(OTHER, 0.0) is None
    assert not calm(register)
    assert send(register, SITE, SUCCESS, 10.0) == [Event("restored", SITE.breaker)]
    assert register.excluded(SITE, 10.0) is None
    assert register.weight(SITE, 10.0) == pytest.approx(0.1)
    assert register.weight(SITE, 25.0) == pytest.approx(0.55)
    assert register.weight(OTHER, 10.0) == 1.0
    assert not calm(register)
    assert register.excluded(OTHER, 40.0) is None
    assert calm(register)


def test_an_ejection_is_told_once() -> None:
    register = health()
    assert send(register, SITE, BROKEN, 0.0, 4) == []
    assert send(register, SITE, BROKEN, 0.0, 3) == [Event("ejected", SITE.breaker, 10.0)]
    assert register.troubles(0.0) == [(SITE.breaker, "ejected", 10.0)]


def test_results_of_sends_that_began_before_an_ejection_change_nothing() -> None:
    register = health()
    permits = [register.begin(SITE, 0.0) for _ in range(20)]
    events = [event for permit in permits for event in register.end(permit, BROKEN, 1.0)]
    assert events == [Event("ejected", SITE.breaker, 11.0)]
    assert register.excluded(SITE, 1.0) == Exclusion("ejected", 11.0, False)


def test_connections_that_fail_are_counted_for_all_targets_of_an_origin() -> None:
    register = health()
    events = send(register, SITE, UNREACHED, 0.0, 3) + send(register, OTHER_MODEL, UNREACHED, 0, 2)
    assert events == [Event("ejected", "https://p", 10.0)]
    for site in (SITE, OTHER_MODEL, replace(SITE, breaker="p/new@chat")):
        assert register.excluded(site, 0.0) == Exclusion("origin_down", 10.0, False)
        assert register.excluded(site, 0.0, lone=True, panic=True) is not None
    assert register.excluded(OTHER, 0.0) is None
    assert register.troubles(0.0) == [("https://p", "origin_down", 10.0)]


def test_any_answer_shows_that_an_origin_is_there() -> None:
    register = health()
    for answer in (BROKEN, BAD, LIMITED, SLOW):
        send(register, OTHER_MODEL, UNREACHED, 0.0, 4)
        assert send(register, OTHER_MODEL, SUCCESS, 0.0) == []
        send(register, SITE, UNREACHED, 0.0, 4)
        send(register, SITE, answer, 0.0)
        send(register, OTHER_MODEL, UNREACHED, 0.0, 4)
        send(register, OTHER_MODEL, SUCCESS, 0.0)
        assert all(reason != "origin_down" for _, reason, _ in register.troubles(0.0))
    send(register, OTHER_MODEL, UNREACHED, 0.0, 4)
    send(register, OTHER_MODEL, NEUTRAL, 0.0)
    send(register, OTHER_MODEL, UNREACHED, 0.0)
    assert ("https://p", "origin_down", 10.0) in register.troubles(0.0)


def test_one_request_at_a_time_looks_whether_an_origin_is_back() -> None:
    register = health()
    send(register, SITE, UNREACHED, 0.0, 5)
    probe = register.begin(SITE, 10.0)
    assert register.excluded(SITE, 10.0) == Exclusion("origin_down", 11.0, False)
    assert register.excluded(OTHER_MODEL, 10.0) == Exclusion("origin_down", 11.0, False)
    events = register.end(probe, LIMITED, 10.5)
    assert Event("restored", "https://p") in events
    assert register.excluded(OTHER_MODEL, 10.5) is None
    assert register.weight(OTHER_MODEL, 10.5) == pytest.approx(0.1)


def test_the_digest_of_a_request_does_not_matter_where_no_connection_came_about() -> None:
    register = health()
    send(register, SITE, UNREACHED, 0.0, 5, digest="same")
    assert register.excluded(SITE, 0.0) is not None
    assert ("p/m@chat", "ejected", 10.0) in register.troubles(0.0)


def test_a_rate_limit_cools_one_credential_for_one_target() -> None:
    register = health()
    assert send(register, SITE, LIMITED, 0.0) == [Event("cooled", "p#0 p/m@chat", 5.0)]
    assert send(register, SITE, LIMITED, 1.0) == []
    # That second send began within the cooldown: another refusal, so twice as long.
    assert register.excluded(SITE, 1.0) == Exclusion("cooled", 11.0, True)
    assert register.excluded(OTHER_KEY, 1.0) is None
    assert register.excluded(OTHER_MODEL, 1.0) is None
    assert register.troubles(1.0) == [("p#0 p/m@chat", "cooled", 11.0)]
    assert register.excluded(SITE, 11.0) is None
    assert calm(register)


def test_a_rate_limit_lasts_as_long_as_it_says() -> None:
    register = health()
    send(register, SITE, classify("rate_limited", 429, "head", 42.0), 0.0)
    assert register.excluded(SITE, 0.0) == Exclusion("cooled", 42.0, True)
    send(register, SITE, classify("rate_limited", 429, "head", 1.0), 1.0)
    assert register.excluded(SITE, 41.9) == Exclusion("cooled", 42.0, True)
    assert register.excluded(SITE, 42.0) is None


def test_a_success_begins_cooldowns_small_again_however_calm_it_is() -> None:
    register = health()
    for now, seconds in ((0.0, 5.0), (10.0, 10.0)):
        send(register, SITE, LIMITED, now)
        assert register.excluded(SITE, now) == Exclusion("cooled", now + seconds, True)
    assert register.excluded(SITE, 30.0) is None
    assert calm(register)
    send(register, SITE, SUCCESS, 31.0)
    send(register, SITE, LIMITED, 40.0)
    assert register.excluded(SITE, 40.0) == Exclusion("cooled", 45.0, True)


def test_a_credential_that_is_refused_is_out_for_all_its_targets() -> None:
    register = health()
    for refused in (REFUSED, FORBIDDEN, classify("quota", 402, "head", None)):
        register = health()
        assert send(register, SITE, refused, 0.0) == [Event("credential_out", "p#0", 300.0)]
        assert send(register, OTHER_MODEL, refused, 1.0) == []
        for site in (SITE, OTHER_MODEL):
            assert register.excluded(site, 2.0) == Exclusion("credential_out", 301.0, False)
        assert register.excluded(OTHER_KEY, 2.0) is None
        assert register.troubles(2.0) == [("p#0", "credential_out", 301.0)]
        assert register.excluded(SITE, 301.0) is None
        assert calm(register)


def test_a_target_that_nobody_knows_is_out_for_a_minute() -> None:
    register = health()
    assert send(register, SITE, UNKNOWN, 0.0) == [Event("target_out", SITE.breaker, 60.0)]
    assert register.excluded(SITE, 59.9) == Exclusion("target_out", 60.0, False)
    assert register.excluded(OTHER_KEY, 59.9) == Exclusion("target_out", 60.0, False)
    assert register.excluded(OTHER_MODEL, 59.9) is None
    assert register.troubles(0.0) == [(SITE.breaker, "target_out", 60.0)]
    assert send(register, SITE, UNKNOWN, 60.0) == [Event("target_out", SITE.breaker, 120.0)]


def test_a_name_that_a_caller_chose_is_out_by_itself() -> None:
    register = health()
    for refusal in (UNKNOWN, FORBIDDEN):
        register = health()
        passed = Site("p@chat", "https://p", "p#0", "p/nonsense", RULES, model="nonsense")
        better = replace(passed, model="known")
        assert send(register, passed, refusal, 0.0) == [
            Event("target_out", "p@chat/nonsense", 60.0)
        ]
        assert send(register, passed, refusal, 1.0) == []
        assert register.excluded(passed, 1.0) == Exclusion("target_out", 61.0, False)
        assert register.excluded(better, 1.0) is None
        assert register.troubles(1.0) == [("p@chat/nonsense", "target_out", 61.0)]
        assert register.excluded(passed, 61.0) is None
        assert calm(register)
    # A wrong key is no fault of the name.
    send(register, passed, REFUSED, 0.0)
    assert register.excluded(better, 0.0) == Exclusion("credential_out", 300.0, False)


def test_names_that_callers_make_up_take_bounded_memory_and_one_alert() -> None:
    register = health()
    told = []
    for n in range(5000):
        site = Site("p@chat", "https://p", "p#0", f"p/{n}", RULES, model=str(n))
        told += send(register, site, UNKNOWN, n / 1000)
    assert told == [Event("target_out", "p@chat/0", 60.0)]
    assert len(register._out_models) == 1000
    assert len(register._targets) == 1
    assert register.excluded(site, 5.0) is not None
    assert register.excluded(replace(site, model="0"), 5.0) is None
    assert register.excluded(replace(site, model="4000"), 5.0) is not None


def test_a_name_that_is_refused_again_is_remembered_longer_than_older_ones() -> None:
    register = health()
    passed = Site("p@chat", "https://p", "p#0", "p/x", RULES, model="first")
    send(register, passed, UNKNOWN, 0.0)
    for n in range(999):
        send(register, replace(passed, model=str(n)), UNKNOWN, 1.0)
    send(register, passed, UNKNOWN, 2.0)
    send(register, replace(passed, model="one more"), UNKNOWN, 3.0)
    assert register.excluded(passed, 4.0) is not None
    assert register.excluded(replace(passed, model="0"), 4.0) is None


def test_a_lone_target_is_given_up_only_where_it_shows_no_sign_of_life() -> None:
    register = health()
    send(register, SITE, BROKEN, 0.0, 5)
    assert register.excluded(SITE, 0.0) is not None
    assert register.excluded(SITE, 0.0, lone=True) is None
    silent = health()
    send(silent, SITE, SLOW, 0.0, 20)
    assert silent.excluded(SITE, 0.0, lone=True) == Exclusion("ejected", 10.0, False)
    unreached = health()
    send(unreached, SITE, UNREACHED, 0.0, 5)
    assert unreached.excluded(SITE, 0.0, lone=True) is not None
    cooled = health()
    send(cooled, SITE, LIMITED, 0.0)
    assert cooled.excluded(SITE, 0.0, lone=True) is None
    send(cooled, SITE, replace(LIMITED, cool=2.0), 0.0)
    assert cooled.excluded(SITE, 0.0, lone=True) == Exclusion("cooled", 2.0, True)


def test_a_change_of_the_route_file_forgives_refused_credentials() -> None:
    register = health()
    send(register, SITE, classify("quota", 402, "head", None), 0.0)
    assert register.excluded(SITE, 1.0) is not None
    register.forgive()
    assert register.excluded(SITE, 1.0) is None


def test_in_a_panic_only_ejections_for_a_low_rate_are_overlooked() -> None:
    register = health()
    send(register, SITE, BROKEN, 0.0, 5)
    assert register.excluded(SITE, 0.0, panic=True) is not None
    rated = health()
    site = replace(SITE, rules=replace(RULES, consecutive=None))
    send(rated, site, BROKEN, 0.0, 20)
    assert rated.excluded(site, 0.0) is not None
    assert rated.excluded(site, 0.0, panic=True) is None
    send(rated, site, LIMITED, 0.0)
    assert rated.excluded(site, 0.0, panic=True) == Exclusion("cooled", 5.0, True)


def test_of_several_reasons_the_one_that_lasts_is_told() -> None:
    register = health()
    send(register, SITE, BROKEN, 0.0, 5)
    send(register, SITE, classify("rate_limited", 429, "head", 7.0), 0.0)
    assert register.excluded(SITE, 0.0) == Exclusion("ejected", 10.0, False)
    send(register, SITE, classify("rate_limited", 429, "head", 20.0), 0.0)
    assert register.excluded(SITE, 0.0) == Exclusion("cooled", 20.0, True)


def test_an_active_check_takes_an_origin_out_and_back() -> None:
    register = health()
    register.down("https://p", True)
    assert not calm(register)
    assert register.excluded(SITE, 5.0) == Exclusion("down", 6.0, False)
    assert register.excluded(OTHER, 5.0) is None
    assert register.troubles(5.0) == [("https://p", "down", 6.0)]
    register.down("https://p", False)
    assert register.excluded(SITE, 6.0) is None
    assert calm(register)


def test_a_probe_with_a_long_answer_lets_others_in_when_it_begins() -> None:
    register = health()
    send(register, SITE, UNREACHED, 0.0, 5)
    probe = register.begin(SITE, 10.0)
    assert register.committed(probe, 11.0) == [
        Event("restored", SITE.breaker),
        Event("restored", SITE.origin),
    ]
    assert register.excluded(SITE, 11.0) is None
    assert register.committed(probe, 11.5) == []
    assert register.end(probe, SUCCESS, 100.0) == []
    plain = register.begin(OTHER, 0.0)
    assert register.committed(plain, 1.0) == []


def test_the_second_end_of_a_send_changes_no_breaker() -> None:
    register = health()
    for _ in range(4):
        permit = register.begin(SITE, 0.0)
        register.end(permit, BROKEN, 0.0)
        register.end(permit, BROKEN, 0.0)
    assert register.excluded(SITE, 0.0) is None


def test_a_reload_keeps_health_under_new_rules() -> None:
    register = health()
    send(register, SITE, BROKEN, 0.0, 3)
    reloaded = replace(SITE, rules=BreakerRules(consecutive=4, spread=0.0))
    assert send(register, reloaded, BROKEN, 0.0) == [Event("ejected", SITE.breaker, 10.0)]


def test_targets_that_come_and_go_take_bounded_memory() -> None:
    register = health()
    for n in range(20_000):
        site = Site(f"p/{n}@chat", f"https://{n}", "p#0", f"p/{n}", RULES)
        send(register, site, SUCCESS, float(n))
    assert len(register._targets) + len(register._origins) < 300


def test_what_is_ejected_is_not_forgotten_for_lack_of_room() -> None:
    register = health()
    send(register, SITE, BROKEN, 0.0, 5)
    for n in range(2000):
        send(register, Site(f"p/{n}@chat", f"https://{n}", "c", "l", RULES), SUCCESS, n / 1000)
    assert register.excluded(SITE, 2.0) == Exclusion("ejected", 10.0, False)


def test_a_rate_limit_of_one_model_that_a_caller_chose_leaves_the_others_alone() -> None:
    register = health()
    small, large = replace(SITE, model="small"), replace(SITE, model="large")
    send(register, large, classify("rate_limited", 429, "head", 10.0), 0.0)
    assert register.excluded(large, 1.0) == Exclusion("cooled", 10.0, True)
    assert register.excluded(small, 1.0) is None
