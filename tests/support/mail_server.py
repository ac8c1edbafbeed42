#!/usr/bin/env python3
"""A mail server for tests: PORT FOLDER [CERT KEY]. With a certificate it offers STARTTLS and asks for AUTH.

The first mail goes into FOLDER/mail, behind a line about who sent it. busy@ is refused with 451, nobody@ with 550.
"""
import pathlib
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

port, folder, cert, key = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]


class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("busy@"):
            return "451 try again later"
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        user = session.auth_data.decode() if session.auth_data else ""
        head = f"user={user} tls={session.ssl is not None} from={envelope.mail_from} to={','.join(envelope.rcpt_tos)}\n"
        part = folder / "mail.part"
        part.write_bytes(head.encode() + envelope.original_content)
        part.rename(folder / "mail")
        return "250 taken"


def check(server, session, envelope, mechanism, data):
    good = data.login == b"pgtend" and data.password == b"s3cret"
    return AuthResult(success=good, handled=False, auth_data=data.login)


class Server(Controller):
    def factory(self):
        if not cert:
            return SMTP(self.handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        return SMTP(self.handler, tls_context=context, require_starttls=True, auth_required=True, authenticator=check)


controller = Server(Keeper(), hostname="localhost", port=port)
controller.start()
(folder / "ready").write_text("")
threading.Event().wait()
