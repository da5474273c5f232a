// The command zeroone; its parts are in Commands, one file each.
using ZeroOneShot.Tool;

return (int)CommandLine.Run(args);
