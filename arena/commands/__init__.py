"""What the commands take and whom they call: one thin function a command."""
