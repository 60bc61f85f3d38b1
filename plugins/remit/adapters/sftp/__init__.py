"""A landing zone on an SFTP server."""

from remit.adapters.sftp.place import SftpPlace
from remit.adapters.sftp.zone import SftpLanding

__all__ = ["SftpLanding", "SftpPlace"]
