/**
 * Runs a command in a terminal of its own, by Bun in every lane: nothing else that is installed here has
 * terminals. Types a line into it, and prints what the terminal shows.
 *
 * Arguments: the line, the text that it answers, and the command.
 */

const [line, prompt, ...command] = process.argv.slice(2);
let shown = "";
let answered = false;
const child = Bun.spawn(command, {
  terminal: {
    data(terminal, bytes) {
      shown += new TextDecoder().decode(bytes);
      if (answered || !shown.includes(prompt)) return;
      answered = true;
      terminal.write(`${line}\n`);
    },
  },
});
process.exitCode = await child.exited;
child.terminal.close();
await Bun.write(Bun.stdout, shown);
