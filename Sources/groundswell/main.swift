// The program's entry: everything else is in `Program`.

import Glibc

exit(Program.run(Array(CommandLine.arguments.dropFirst())).rawValue)
