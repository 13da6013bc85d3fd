"""Against a running gateway, whose addresses and keys the environment names."""

import os
import unittest

from millrace import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    Millrace,
    MillraceAdmin,
    NotFoundError,
    ServerError,
)

URL = os.environ["MILLRACE_URL"]
KEY = os.environ["MILLRACE_KEY"]
BUSY_URL = os.environ["MILLRACE_BUSY_URL"]


class SimpleTest(unittest.TestCase):
    def setUp(self) -> None:
        self.millrace = Millrace(URL, KEY)

    def test_answers_whole_and_word_by_word(self) -> None:
        self.assertTrue(self.millrace.generate(prompt="Hello", max_tokens=16)["response"])
        self.assertTrue(self.millrace.complete(query="Hello", context="Be short.")["response"])
        self.assertGreater(len(list(self.millrace.stream(query="Hello"))), 1)
        self.assertGreater(len(list(self.millrace.generate_stream(prompt="Hello"))), 1)

    def test_keeps_a_conversation(self) -> None:
        first = self.millrace.chat(message="My name is Ada.")
        following = self.millrace.chat(message="Who am I?", conversation_id=first["conversation_id"])
        self.assertEqual(following["conversation_id"], first["conversation_id"])

    def test_embeds(self) -> None:
        self.assertEqual(len(self.millrace.embeddings(input=["a", "b"])["data"]), 2)

    def test_says_what_went_wrong(self) -> None:
        with self.assertRaises(InvalidRequestError) as refused:
            self.millrace.complete(query="")
        self.assertEqual(refused.exception.code, "invalid_request")
        self.assertEqual(refused.exception.status, 400)
        self.assertTrue(refused.exception.request_id)
        with self.assertRaises(NotFoundError) as missing:
            self.millrace.complete(query="Hello", model="nothing")
        self.assertEqual(missing.exception.code, "model_not_found")
        with self.assertRaises(ConnectionFailedError):
            Millrace("http://127.0.0.1:1", KEY, timeout=5).health()

    def test_sends_again_only_when_asked_to(self) -> None:
        with self.assertRaises(ServerError) as busy:
            Millrace(BUSY_URL, KEY).complete(query="Hello")
        self.assertEqual(busy.exception.retry_after, 0)
        self.assertEqual(Millrace(BUSY_URL, KEY, retries=2).complete(query="Hello")["response"], "at last")

    def test_notices_a_stream_that_breaks_off(self) -> None:
        with self.assertRaises(ConnectionFailedError) as cut:
            list(Millrace(BUSY_URL, KEY).stream(query="Hello"))
        self.assertEqual(cut.exception.code, "cut")


class AdminTest(unittest.TestCase):
    def setUp(self) -> None:
        self.admin = MillraceAdmin(os.environ["MILLRACE_ADMIN_URL"], os.environ["MILLRACE_ADMIN_TOKEN"])

    def test_makes_pages_changes_and_removes(self) -> None:
        made = [self.admin.users.create(body={"name": f"py-{number}"}) for number in range(5)]
        names = [user["name"] for user in self.admin.users.each(limit=2)]
        self.assertEqual([name for name in names if name.startswith("py-")], [user["name"] for user in made])
        changed = self.admin.users.change(name="py-0", body={"role": "viewer"}, if_match=made[0]["version"])
        self.assertEqual(changed["role"], "viewer")
        with self.assertRaises(ConflictError) as conflict:
            self.admin.users.change(name="py-0", body={"role": "viewer"}, if_match=made[0]["version"])
        self.assertEqual(conflict.exception.code, "precondition_failed")
        for user in made:
            self.assertIsNone(self.admin.users.remove(name=user["name"]))

    def test_is_done_once(self) -> None:
        def create() -> str:
            return self.admin.keys.create(body={"name": "py-once", "expiresAt": None}, idempotency_key="py-once-1")["key"]

        self.assertEqual(create(), create())
        self.admin.keys.remove(name="py-once")

    def test_reads_sums_as_json_and_csv(self) -> None:
        self.assertIn("sums", self.admin.usage.sum(by="day,model"))
        with self.assertRaises(NotFoundError):
            self.admin.config.version(version=999)
        self.assertTrue(self.admin.usage.sum_csv(by="day").startswith("day,"))

    def test_needs_its_token(self) -> None:
        with self.assertRaises(AuthenticationError):
            MillraceAdmin(os.environ["MILLRACE_ADMIN_URL"]).status.show()
