"""An upload stays in memory: unsealed patient data never touch the disk."""

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload

from imaging.formats import MAX_BYTES

OVERHEAD = 64 * 1024  # multipart headers and form fields around one file


class SealedMemoryUploadHandler(MemoryFileUploadHandler):
    """Keeps one file up to MAX_BYTES in memory and ends anything larger while it arrives."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        """Always in memory. Raising here would end in a page for defects, so too large a body is
        remembered and dropped at its first chunk: the view then sees that no file has arrived."""
        self.activated = True
        self.too_large = content_length > (MAX_BYTES + OVERHEAD if self._known() else OVERHEAD)

    def _known(self) -> bool:
        """Has the sender signed in? The API has asked for that before it reads a body."""
        if self.request is None or self.request.path.startswith("/api/"):
            return True
        return self.request.user.is_authenticated

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """One byte over the limit is kept, so that `ingest` sees that the file is too large."""
        if self.too_large or start > MAX_BYTES:
            raise StopUpload(connection_reset=False)
        return super().receive_data_chunk(raw_data, start)
