"""Whose an access token is, by Airflow's own auth manager."""

from __future__ import annotations

import asyncio

from remit.errors import Refused
from remit.people import Identity


def prove(token: str) -> Identity:
    """The user whom Airflow gave this token; verified here, without a server.

    Raises:
        Refused: login-invalid.
    """
    from airflow.api_fastapi.app import create_auth_manager
    from jwt import InvalidTokenError

    try:
        user = asyncio.run(create_auth_manager().get_user_from_token(token))
    except InvalidTokenError:
        raise Refused(
            "login-invalid",
            "login",
            "the token is none of this Airflow's, or it has expired or been revoked.",
            "log in again (POST /auth/token), and put the access token into the file.",
        ) from None
    return Identity(str(user.get_id()), "airflow")
