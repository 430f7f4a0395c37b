"""What the jobs that people start print."""

from dev.jobs import console


def test_what_programs_say_is_printed_as_it_is() -> None:
    said = "[emerg] in [/etc/app.conf:12] after 3 :clock1: [1/2]"
    with console.capture() as shown:
        console.print(said)
    assert shown.get() == f"{said}\n"
