import io
import sys

from aubert import progress as module
from aubert.progress import progress


class Screen(io.StringIO):
    def isatty(self):
        return True


def written(monkeypatch, stream, every_s):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "_LINE_EVERY_S", every_s)
    monkeypatch.setattr(module, "_BAR_AFTER_S", every_s)
    assert list(progress("abc", what="cut", total=3, unit="letter")) == list("abc")
    return stream.getvalue()


def test_a_log_gets_lines_of_its_own(monkeypatch):
    printed = written(monkeypatch, io.StringIO(), 0)
    assert "\r" not in printed and "\x1b" not in printed
    lines = printed.splitlines()
    assert len(lines) > 1 and all(line.startswith("cut: ") for line in lines)
    assert lines[-1].startswith("cut: 3 of 3 (100%)")


def test_a_screen_gets_a_bar(monkeypatch):
    assert "\rcut: 100%" in written(monkeypatch, Screen(), 0)


def test_what_is_done_soon_says_nothing(monkeypatch):
    assert written(monkeypatch, io.StringIO(), 60) == ""
    assert written(monkeypatch, Screen(), 60) == ""
