// The replay player. Whatever agents and games said goes into the page as text, never as markup.
"use strict";

(() => {
  const holder = document.getElementById("data");
  if (!holder) return;
  const { lines, cells, boards, matches } = JSON.parse(holder.textContent);
  const at = (id) => document.getElementById(id);
  const SECONDS_A_STEP = 0.9;
  let match = null;
  let position = 0;
  let timer = null;

  const show = (id, text) => { at(id).textContent = text; };
  const textOf = (numbers) => numbers.map((number) => lines[number]).join("\n");
  const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(Number(value.toPrecision(6)));

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.append(...children);
    return element;
  }

  // Choosing a match

  function listMatches() {
    const groups = new Map();
    matches.forEach((found, index) => {
      if (!groups.has(found.game)) groups.set(found.game, make("optgroup", { label: found.game, "data-game": found.game }));
      const title = found.title ?? `${found.why}: ${found.players.join(" · ")} (match ${found.number})`;
      groups.get(found.game).append(make("option", { value: index, "data-agent": found.players.join(" ") }, title));
    });
    at("match").append(...groups.values());
  }

  function open(index) {
    pause();
    match = matches[index];
    at("match").value = String(index);
    at("slider").max = String(match.frames.length - 1);
    show("notice", match.notice);
    go(match.position);
  }

  // Showing a position

  function go(wanted) {
    position = Math.max(0, Math.min(match.frames.length - 1, wanted));
    const frame = match.frames[position];
    const over = position === match.frames.length - 1;
    const where = over ? `End. ${match.ending}` : `Move ${position + 1} of ${match.frames.length - 1}`;
    at("slider").value = String(position);
    at("slider").setAttribute("aria-valuetext", where);
    at("player").dataset.position = String(position);
    show("status", where);
    at("link").href = `#match=${match.number}&step=${position + 1}`;
    showBoard(frame, where);
    showSeats(frame, over);
    showTexts(frame, over);
    at("first").disabled = at("back").disabled = position === 0;
    at("forward").disabled = at("last").disabled = over;
    if (over) pause();
  }

  function showTexts(frame, over) {
    const player = frame.seat === null ? "" : match.players[frame.seat];
    show("sees", frame.seat === null ? "Nothing was seen" : `${player} ${over ? "would see" : "sees"}, turn ${frame.turn + 1}`);
    show("text", textOf(frame.text));
    at("answer").hidden = over;
    if (over) return;
    show("reply", textOf(frame.reply));
    at("thoughts").hidden = frame.reasoning === null;
    show("reasoning", textOf(frame.reasoning ?? []));
    const move = at("move");
    move.classList.toggle("invalid", frame.invalid !== null);
    move.replaceChildren(
      ...(frame.invalid === null
        ? ["plays ", make("b", {}, frame.action)]
        : [make("b", {}, "invalid"), `: ${frame.invalid}; plays `, make("b", {}, frame.action), " at random"]),
      `, reward ${signed(frame.reward)}`,
    );
    if (at("tokens")) showTokens(frame.tokens ?? [], frame.advantage);
  }

  // Of a training: what was drawn with which probability, and what it was credited with

  const LEVELS = 5;
  const chance = (logprob) => Math.exp(Math.min(0, logprob));
  const number = (value, digits) => (value === null ? "–" : value.toFixed(digits).replace("-", "−"));

  function showTokens(tokens, advantage) {
    show("credit", advantage === null ? "Not learned from" : `Advantage ${signed(Number(advantage.toFixed(3)))}`);
    at("drawn").replaceChildren(...tokens.map(([text, logprob]) => {
      const level = logprob === null ? "none" : Math.min(LEVELS - 1, Math.floor(LEVELS * chance(logprob)));
      return make("span", { class: `sure-${level}` }, text);
    }));
    at("token-rows").replaceChildren(...tokens.map(([text, logprob, mismatch]) => make(
      "tr", {},
      make("th", { scope: "row" }, text),
      make("td", { class: "number" }, logprob === null ? "not drawn" : `${(100 * chance(logprob)).toFixed(1)} %`),
      make("td", { class: "number" }, number(logprob, 3)),
      make("td", { class: "number" }, number(mismatch, 4)),
    )));
    at("tokens").hidden = !tokens.length;
  }

  function showSeats(frame, over) {
    const rows = match.players.map((player, seat) => {
      const mark = make("span", { class: `chip seat${seat % 6}` }, String(seat + 1));
      const cellsOfRow = [
        make("td", {}, mark),
        make("th", { scope: "row" }, player),
        make("td", { class: "number" }, signed(frame.returns[seat])),
        make("td", { class: "number" }, over ? String(match.placements[seat]) : "–"),
      ];
      const row = make("tr", seat === frame.seat && !over ? { "aria-current": "true" } : {}, ...cellsOfRow);
      return row;
    });
    at("seats").replaceChildren(...rows);
  }

  // Drawing the board

  const SVG = "http://www.w3.org/2000/svg";
  const SHAPES = {
    good: ["circle", { cx: 0.5, cy: 0.5, r: 0.3 }],
    bad: ["circle", { cx: 0.5, cy: 0.5, r: 0.38 }],
    goal: ["path", { d: "M.5 .1 .9 .5 .5 .9 .1 .5z" }],
    seat: ["rect", { x: 0.08, y: 0.08, width: 0.84, height: 0.84, rx: 0.2 }],
  };

  function draw(name, attributes) {
    const element = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  }

  function showBoard(frame, where) {
    const board = frame.board === null ? null : boards[frame.board];
    show("legend", board ? board.legend : "");
    if (!board) return at("board").replaceChildren();
    const width = Math.max(...board.rows.map((row) => row.length));
    const label = `The board. ${where}. The observation describes it in words.`;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${board.rows.length}`, role: "img", "aria-label": label });
    board.rows.forEach((row, y) => row.forEach((cell, x) => svg.append(drawnCell(cells[cell], x, y))));
    at("board").replaceChildren(svg);
  }

  function drawnCell([symbol, tone, seat, strong], x, y) {
    const group = draw("g", { transform: `translate(${x} ${y})` });
    if (tone === "faint" && !symbol.trim()) return group; // beside the board, as in a rhombus
    group.append(draw("rect", { class: "ground", x: 0.02, y: 0.02, width: 0.96, height: 0.96, rx: 0.1 }));
    if (SHAPES[tone]) {
      const kind = tone === "seat" ? `seat${(seat ?? 0) % 6}` : `tone-${tone}`;
      group.append(draw(SHAPES[tone][0], { class: `${kind}${strong ? " strong" : ""}`, ...SHAPES[tone][1] }));
    }
    const named = tone === "faint" && /[a-z0-9]/i.test(symbol) ? " named" : ""; // a row, a column, a free cell
    const label = draw("text", { x: 0.5, y: 0.5, class: `symbol on-${tone}${named}${strong ? " strong" : ""}` });
    label.textContent = symbol;
    group.append(label);
    return group;
  }

  // Playing

  const seconds = () => SECONDS_A_STEP / Number(at("speed").value);

  function tick() {
    go(position + 1);
    if (timer !== null) timer = setTimeout(tick, 1000 * seconds());
  }

  function play() {
    if (position === match.frames.length - 1) go(0);
    timer = setTimeout(tick, 1000 * seconds());
    at("player").classList.add("playing");
    at("play").setAttribute("aria-label", "Pause");
    at("status").setAttribute("aria-live", "off"); // a voice could not keep up
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    at("player").classList.remove("playing");
    at("play").setAttribute("aria-label", "Play");
    at("status").setAttribute("aria-live", "polite");
  }

  const step = (by) => { pause(); go(position + by); };

  const KEYS = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    " ": () => (timer === null ? play() : pause()),
  };

  function press(event) {
    const own = event.target.closest("select, pre") || (event.key === " " && event.target.closest("button"));
    if (own || event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  }

  // A link to #match=12&step=4 opens that match at its fourth move; step is not needed.
  function follow() {
    const [, number, step] = location.hash.match(/^#match=(\d+)(?:&step=(\d+))?$/) ?? [];
    const index = matches.findIndex((found) => found.number === Number(number));
    if (index < 0) return;
    open(index);
    if (step) go(Number(step) - 1);
    at("replays").scrollIntoView();
    at("play").focus({ preventScroll: true });
  }

  // Copying

  async function copy(button) {
    const source = at(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch { // no clipboard for this page: the old way
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    show("copied", "Copied");
    setTimeout(() => { button.textContent = "Copy"; show("copied", ""); }, 1500);
  }

  listMatches();
  at("player").hidden = false;
  at("player").addEventListener("keydown", press);
  at("match").addEventListener("change", (event) => open(Number(event.target.value)));
  at("slider").addEventListener("input", (event) => { pause(); go(Number(event.target.value)); });
  at("play").addEventListener("click", KEYS[" "]);
  at("first").addEventListener("click", KEYS.Home);
  at("back").addEventListener("click", KEYS.ArrowLeft);
  at("forward").addEventListener("click", KEYS.ArrowRight);
  at("last").addEventListener("click", KEYS.End);
  document.querySelectorAll("[data-copies]").forEach((button) => {
    button.addEventListener("click", () => copy(button));
  });
  open(Math.max(0, matches.findIndex((found) => found.why.startsWith("closest"))));
  addEventListener("hashchange", follow);
  follow();
})();
