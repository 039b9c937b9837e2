"""Streams of choices: chat completion chunks and the older completion chunks, which differ in their shape only.

A chunk whose texts pass unchanged leaves as the bytes that came. Otherwise the texts are spliced; a chunk whose text is
wholly held and that carries nothing else is not sent at all. Before a choice's `finish_reason` everything held is
released, with the end label; after a stop the notice and a `finish_reason` of our own follow.
"""

from __future__ import annotations

from typing import Any, Final

from zhengming.gateway.wire.answer import Answer, Shape, Tail, versions_of
from zhengming.gateway.wire.base import Out, OutputContext, Path, Shown, TurnRequest
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.chunks import ChunkWriter, carries_more
from zhengming.gateway.wire.edit import Edit, replace_text
from zhengming.gateway.wire.errors import UpstreamGarbageError
from zhengming.gateway.wire.event_stream import EventStream, replace_data
from zhengming.gateway.wire.judged import Judged
from zhengming.gateway.wire.request import MAX_CHOICES
from zhengming.gateway.wire.splice import dump
from zhengming.screen.guard import Screening, Show

FILTERED: Final = "content_filter"
ENDED: Final = "stop"

Ended = list[tuple[Answer, list[Tail]]]


class ChoiceStream(EventStream):
    """A stream of chunks with `choices`. An :class:`~zhengming.gateway.wire.base.OutputStream`.

    `part` is the member of a choice that holds its texts, `main_path` leads to the answer proper.
    """

    __slots__ = (
        "_alias",
        "_answers",
        "_failed",
        "_main_key",
        "_main_path",
        "_part",
        "_request",
        "_screening",
        "_shape",
        "_writer",
    )

    def __init__(
        self, context: OutputContext, request: TurnRequest, shape: Shape, *, part: str, main_path: Path
    ) -> None:
        super().__init__(context)
        self._request = request
        self._shape = shape
        self._part = part
        self._main_path = ("choices", 0, *main_path)
        self._main_key = str(main_path[-1])
        self._alias = context.model_alias
        self._screening = context.screening
        self._answers: dict[int, Answer] = {}
        self._writer = ChunkWriter(context, shape.chunk, request.model)
        self._failed = False

    @property
    def held(self) -> int:
        """How many code points lie in the guards now."""
        held = 0
        for answer in self._answers.values():
            for field in answer.fields.values():
                held += field.guard.held
        return held

    @property
    def versions(self) -> list[str]:
        """Every rule version that decided on this answer, oldest first."""
        return versions_of(list(self._answers.values())) or [self._screening.matcher.version]

    def plain_text(self, choice: dict[str, Any]) -> str | None:
        """Return the answer's text when the choice carries nothing else, the common case; None otherwise."""
        raise NotImplementedError

    def on_json(self, event: bytes, data: bytes, parsed: dict[str, Any]) -> None:
        """Judge a chunk: the common case here, all others in `_judge`."""
        choices = parsed.get("choices")
        if type(choices) is list and len(choices) == 1 and not self.lenient:
            choice = choices[0]
            text = self.plain_text(choice) if type(choice) is dict else None
            if text:
                index = choice.get("index")
                answer = self._answers.get(index) if type(index) is int else None
                if answer is not None and answer.direct:
                    self._pass(event, data, parsed, answer, text)
                    return
        self._judge(event, data, parsed)

    def _pass(self, event: bytes, data: bytes, parsed: dict[str, Any], answer: Answer, text: str) -> None:
        """Judge a chunk that carries nothing but a text of the answer proper."""
        if "usage" in parsed:
            self._note(parsed)
        main = answer.main
        main.said.append(text)
        commands = main.guard.feed(text)
        if len(commands) == 1:
            command = commands[0]
            if type(command) is Show and command.text == text:
                if self._alias:
                    event = self._renamed(event, data, parsed)
                main.shown.append(text)
                self._out.append(event)
                self._shown.append(Shown(main.channel, text))
                return
        out = main.apply(commands)
        if out and self._writer.begun and main.stop is None and not self._alias:
            quick = replace_text(event, self._main_key, text, out)
            if quick is not None:
                self._out.append(quick)
                self._shown.append(Shown(main.channel, out))
                return
        edit = Edit(data, parsed)
        edit.text(self._main_path, text, out)
        if out:
            self.show(main.channel, out)
        kept = bool(out) or carries_more(parsed, parsed["choices"][0], self._part, {self._shape.main}, role=False)
        self._send(event, edit, parsed, kept=kept)
        if main.stop is not None:
            self._end_answer(answer, answer.finish())
            self._close_when_stopped()

    def _renamed(self, event: bytes, data: bytes, parsed: dict[str, Any]) -> bytes:
        """Return the event with the model under the name by which the client asked for it."""
        model = parsed.get("model")
        if not isinstance(model, str) or model == self._alias:
            return event
        edit = Edit(data, parsed)
        edit.text(("model",), model, self._alias)
        return replace_data(event, edit.render())

    def end(self) -> None:
        """The upstream has nothing more: release what is held, then `[DONE]`, unless an error ended the stream."""
        self.flush()
        if not self.finished:
            if self._failed:
                self.finished = True
            else:
                self.close(stopped=any(answer.stopped for answer in self._answers.values()))

    def flush(self) -> None:
        """Release what every choice still holds."""
        for answer in self._answers.values():
            if not answer.ended:
                self._end_answer(answer, answer.finish())
        self._close_when_stopped()

    def close_with(self, text: str) -> Out:
        """Release what is safe, then show `text` in every choice and end it: a person must not meet an error."""
        if not self.finished:
            answers = [answer for _, answer in sorted(self._answers.items())] or [self._answer({}, 0)]
            for answer in answers:
                self._send_tails(answer, answer.finish(say=text, release=not self._busy))
                self.emit(self._writer.chunk({"index": answer.index, **self._shape.nothing}, finish=ENDED))
            self.close(stopped=False)
        return self._collect()

    def reload(self, screening: Screening) -> Out:
        """Judge on under other rules, what is held included."""
        self._screening = screening
        if not self.finished:
            self._busy = True
            for answer in self._answers.values():
                if not answer.ended:
                    self._send_tails(answer, answer.reload(screening))
                    if answer.stopped:
                        self._end_answer(answer, answer.finish())
            self._close_when_stopped()
            self._busy = False
        return self._collect()

    def said(self) -> dict[str, str]:
        """Return the model's own words by channel."""
        return {channel: text for _, one in sorted(self._answers.items()) for channel, text in one.said().items()}

    def replies(self) -> list[bytes]:
        """Return the assistant's messages in the order of the choices."""
        return [
            canonical_message("assistant", self._shape.reply(answer), self.context.drop_labels)
            for _, answer in sorted(self._answers.items())
        ]

    def _judge(self, event: bytes, data: bytes, parsed: dict[str, Any]) -> None:
        """Judge a chunk of any form."""
        if parsed.get("error") and not parsed.get("choices"):
            self.flush()
            if not self.finished:
                self._failed = True
                self.emit(event)
            return
        self._note(parsed)
        choices = parsed.get("choices")
        if choices is None:
            self.emit(event)
            return
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise UpstreamGarbageError("the upstream sent choices of an unknown type")
        self._writer.learn(parsed)
        edit = Edit(data, parsed)
        kept = not choices or bool(parsed.get("usage"))
        ended: Ended = []
        for position, choice in enumerate(choices):
            kept = self._judge_choice(edit, parsed, position, choice, ended) or kept
        self._send(event, edit, parsed, kept=kept)
        for answer, tails in ended:
            self._end_answer(answer, tails)
        self._close_when_stopped()

    def _judge_choice(
        self, edit: Edit, parsed: dict[str, Any], position: int, choice: dict[str, Any], ended: Ended
    ) -> bool:
        """Judge one choice of a chunk; return whether the chunk has to be sent for it."""
        answer = self._answer(choice, position)
        prefix: Path = ("choices", position)
        if answer.ended:
            return self._judge_late(edit, prefix, choice, answer)
        judged = Judged(answer, self._shape, choice, self._part)
        finishes = bool(choice.get("finish_reason"))
        tails = answer.finish() if finishes or answer.stopped else []
        if answer.stopped:
            ended.append((answer, tails))
            if finishes:
                edit.value((*prefix, "finish_reason"), b"null")
        elif finishes:
            self._place_tails(answer, tails, judged)
            self._writer.add_members(edit)
        judged.write(edit, prefix)
        self._shown += judged.shown()
        self._edit_message(edit, prefix, choice, answer)
        role, answer.role_sent = not answer.role_sent, True
        answer.settle()
        if judged.speaks or (finishes and not answer.stopped):
            return True
        return carries_more(parsed, choice, self._part, judged.held_names(), role=role)

    def _judge_late(self, edit: Edit, prefix: Path, choice: dict[str, Any], answer: Answer) -> bool:
        """Handle a choice that comes after its end: what has a text, or follows a stop, is not shown."""
        if answer.stopped or any(found.text for found in self._shape.texts(choice, self._part, answer)):
            empty = {"index": answer.index, **self._shape.alone((self._shape.main,), ""), "finish_reason": None}
            edit.value(prefix, dump(empty))
            return False
        self._edit_message(edit, prefix, choice, answer)
        return True

    def _edit_message(self, edit: Edit, prefix: Path, choice: dict[str, Any], answer: Answer) -> None:
        """Some upstreams repeat the whole message at the end: let it say what was shown."""
        if self._part != "message" and choice.get("message"):
            edit.value((*prefix, "message"), dump({"role": "assistant", "content": answer.labelled()}))

    def _answer(self, choice: dict[str, Any], position: int) -> Answer:
        index = choice.get("index", position)
        if not isinstance(index, int) or not 0 <= index < MAX_CHOICES:
            raise UpstreamGarbageError("the upstream sent a choice of an unknown index")
        answer = self._answers.get(index)
        if answer is None:
            answer = Answer(
                index, self._shape, self.context, self._request, screening=self._screening, found=self.found
            )
            self._answers[index] = answer
        return answer

    def _note(self, parsed: dict[str, Any]) -> None:
        usage = parsed.get("usage")
        if isinstance(usage, dict):
            self.usage = usage
        if not self.response_id and isinstance(parsed.get("id"), str):
            self.response_id = parsed["id"]

    def _send(self, event: bytes, edit: Edit, parsed: dict[str, Any], *, kept: bool) -> None:
        if not self._writer.begun:
            self._writer.add_members(edit)
        elif not kept:
            return
        if self._alias and isinstance(parsed.get("model"), str):
            edit.text(("model",), parsed["model"], self._alias)
        self.emit(replace_data(event, edit.render()) if edit.changed else event)

    def _place_tails(self, answer: Answer, tails: list[Tail], judged: Judged) -> None:
        """Send what is released at the end before the chunk that finishes, since clients stop reading there.

        A tool call that is announced in this very chunk stays in it.
        """
        for tail in tails:
            if tail.field is answer.main:
                self._send_tails(answer, [Tail(tail.field, judged.take_main() + tail.text)])
            elif not judged.append(tail.field, tail.text):
                self._send_tails(answer, [tail])

    def _send_tails(self, answer: Answer, tails: list[Tail]) -> None:
        for field, text in tails:
            logprobs = None
            if entries := field.take_entries():
                path, logprobs = self._shape.logprobs({}, str(field.wrap[0]), entries, answer)
                if len(path) > 1:
                    logprobs = b"{" + dump(path[1]) + b":" + logprobs + b"}"
            choice = {"index": answer.index, **self._shape.alone(field.wrap, text)}
            self.emit(self._writer.chunk(choice, logprobs=logprobs))
            self.show(field.channel, text)

    def _end_answer(self, answer: Answer, tails: list[Tail]) -> None:
        """Send the last texts of a choice and, after a stop, the chunk that finishes it."""
        self._send_tails(answer, tails)
        if answer.stopped:
            last = {"index": answer.index, **self._shape.nothing}
            self.emit(self._writer.chunk(last, finish=FILTERED))

    def _close_when_stopped(self) -> None:
        """Close the stream once every choice has ended and one of them by a stop."""
        answers = self._answers.values()
        if self.finished or not any(answer.stopped for answer in answers):
            return
        if sum(answer.ended for answer in answers) >= self._request.choices:
            self.close(stopped=True)
