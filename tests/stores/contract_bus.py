"""What every bus engine must do."""

from datetime import UTC, datetime

from stores.contracts import Bus, Event

T = datetime(2026, 3, 1, tzinfo=UTC)


def events(topic: str, *keys: str) -> list[Event]:
    return [Event(topic=topic, key=key, at=T) for key in keys]


def keys(taken: list[tuple[str, Event]]) -> list[str]:
    return [event.key for _, event in taken]


class BusContract:
    """Inherit, and give a `bus` fixture."""

    def test_events_come_oldest_first_and_as_they_were(self, bus: Bus) -> None:
        bus.publish(events("created", "a", "b"))
        bus.publish(events("created", "c"))
        taken = bus.take("created", "audit", limit=2)
        assert [event for _, event in taken] == events("created", "a", "b")

    def test_events_come_again_until_they_are_acknowledged(self, bus: Bus) -> None:
        bus.publish(events("created", "a", "b", "c"))
        first = bus.take("created", "audit", limit=9)
        assert keys(bus.take("created", "audit", limit=9)) == ["a", "b", "c"]
        bus.acknowledge("created", "audit", [first[1][0]])
        assert keys(bus.take("created", "audit", limit=9)) == ["a", "c"]
        bus.acknowledge("created", "audit", [first[0][0], first[2][0]])
        assert bus.take("created", "audit", limit=9) == []

    def test_each_group_takes_everything_for_itself(self, bus: Bus) -> None:
        bus.publish(events("created", "a"))
        bus.acknowledge("created", "audit", [i for i, _ in bus.take("created", "audit", limit=9)])
        assert keys(bus.take("created", "report", limit=9)) == ["a"]

    def test_topics_do_not_mix(self, bus: Bus) -> None:
        bus.publish([*events("created", "a"), *events("audited", "b")])
        assert keys(bus.take("audited", "source", limit=9)) == ["b"]

    def test_the_backlog_is_what_was_not_acknowledged(self, bus: Bus) -> None:
        bus.publish(events("created", "a", "b", "c"))
        assert bus.backlog("created", "audit") == 3
        bus.acknowledge("created", "audit", [bus.take("created", "audit", limit=9)[2][0]])
        assert bus.backlog("created", "audit") == 2
        assert bus.backlog("nothing", "audit") == 0

    def test_acknowledging_twice_changes_nothing(self, bus: Bus) -> None:
        bus.publish(events("created", "a", "b"))
        first = bus.take("created", "audit", limit=1)[0][0]
        bus.acknowledge("created", "audit", [first])
        bus.acknowledge("created", "audit", [first])
        bus.publish(events("created", "c"))
        assert keys(bus.take("created", "audit", limit=9)) == ["b", "c"]

    def test_publishing_nothing_is_nothing(self, bus: Bus) -> None:
        bus.publish(iter(()))
        assert bus.backlog("created", "audit") == 0
