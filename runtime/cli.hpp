#pragma once

namespace weir {

/// Reads the command line and runs the command; the exit code is one of ExitCode.
int command_line(int argc, char** argv);

}  // namespace weir
