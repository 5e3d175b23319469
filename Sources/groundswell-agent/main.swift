// The program's entry: everything else is in `AgentProgram`.

import DeviceAgent
import Glibc

exit(AgentProgram.run(Array(CommandLine.arguments.dropFirst())).rawValue)
