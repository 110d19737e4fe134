// SPDX-License-Identifier: GPL-2.0-only
// The maps of a report: a treemap, histograms, and a table to sort and filter. Text of the target's
// goes into text nodes and attributes only, never into markup.
(function () {
	"use strict";
	var STEP = 50, TYPES = 16, HOLDERS = 10, SVG = "http://www.w3.org/2000/svg";
	var data = document.getElementById("data"), all = document.getElementById("all");

	if (!data || !all)
		return;
	data = JSON.parse(data.textContent);

	function make(tag, attributes, children) {
		var svg = /^(svg|g|rect|text|title)$/.test(tag);
		var node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);

		for (var name in attributes || {})
			node.setAttribute(name, attributes[name]);
		[].concat(children || []).forEach(function (child) {
			node.append(child);
		});
		return node;
	}

	// ---- the rows ----

	function number(text, usual) {
		return text === "" ? usual : text === "?" ? null : parseInt(text, 36);
	}

	function times(v, maps) {
		return v === null ? null : v * maps;
	}

	var above = 0;

	// Equal maps are one row, whose figures are sums. Bytes of tables are those less than in the row
	// above.
	function rowOf(text, i) {
		var part = text.split(","), maps = number(part[3], 1), bytes;
		var type = number(part[0], 0), holder = number(part[1], 0);

		above = i ? above - number(part[6], 0) : number(part[6], 0);
		bytes = above / maps;
		return {
			type: type ? data.strings[type - 1] : "?",
			holder: holder ? data.strings[holder - 1] : "",
			guessed: part[2] === "1",
			maps: maps,
			keys: number(part[4], 0) * maps,
			slots: number(part[5], 0) * maps,
			load: number(part[5], 0) ? number(part[4], 0) / number(part[5], 0) : null,
			each: number(part[4], 0),
			size: bytes,
			bytes: bytes * maps,
			resident: (bytes - number(part[7], 0)) * maps,
			back: times(number(part[8], 0), maps),
			kept: number(part[9], 0),
			offset: part[10]
		};
	}

	var rows = data.rows.split(";").filter(Boolean).map(rowOf);

	// All digits count, which a number might not hold.
	function address(row) {
		var offset = 0n;

		for (var i = 0; i < row.offset.length; i++)
			offset = offset * 36n + BigInt(parseInt(row.offset[i], 36));
		return "0x" + (BigInt("0x" + data.base) + offset).toString(16);
	}

	// ---- words ----

	function count(v) {
		return v === null ? "?" : Math.round(v).toString().replace(/\B(?=(\d{3})+$)/g, ",");
	}

	function size(v) {
		var units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], i = 0;

		if (v === null)
			return "?";
		while (v >= 1024 && i < units.length - 1) {
			v /= 1024;
			i++;
		}
		return (i && v < 100 ? v.toFixed(v < 10 ? 2 : 1) : Math.round(v)) + " " + units[i];
	}

	// Without the path of each package: "tsdb.Head" for "github.com/x/tsdb.Head", but "klog/v2.T".
	function short(name) {
		return name.replace(/(?:[\w.~-]+\/)+[\w~-]+/g, function (path) {
			var parts = path.split("/"), last = parts.pop();

			return /^v\d+$/.test(last) ? parts.pop() + "/" + last : last;
		});
	}

	function holderOf(row) {
		return row.holder ? short(row.holder) + (row.guessed ? " (guessed)" : "") : "not known";
	}

	var columns = [
		["type", "type and holder", null],
		["back", "gives back", size],
		["maps", "maps", count],
		["keys", "live keys", count],
		["slots", "slots", count],
		["load", "load", function (v) { return v === null ? "-" : (100 * v).toFixed(1) + " %"; }],
		["bytes", "tables", size],
		["resident", "resident", size],
		["kept", "keeps alive", size]
	];
	var sort = "back", down = true, shown = STEP, range = null, pick = null;

	// ---- which rows ----

	function matching() {
		var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);

		return rows.filter(function (row) {
			var text = (row.type + " " + row.holder).toLowerCase();

			if (pick && (row.type !== pick.type || (pick.holder !== null && row.holder !== pick.holder)))
				return false;
			if (range && range.bin(row) !== range.at)
				return false;
			return words.every(function (word) {
				return text.includes(word);
			});
		});
	}

	function compare(a, b) {
		var x = a[sort], y = b[sort], order;

		if (x === y)
			return b.bytes - a.bytes;
		if (x === null || y === null)
			return x === null ? 1 : -1;
		order = x < y ? -1 : 1;
		return down ? -order : order;
	}

	// ---- the table ----

	var input = make("input", { type: "search", id: "filter", autocomplete: "off", spellcheck: "false" });
	var status = make("p", { role: "status", "class": "lead" });
	var clear = make("button", { type: "button" }, "Show all");
	var more = make("button", { type: "button" });
	var body = make("tbody"), heads = {};

	function setSort(key) {
		down = key === sort ? !down : key !== "type";
		sort = key;
		shown = STEP;
		draw();
	}

	function headOf(column) {
		var button = make("button", { type: "button" }, column[1]);
		var head = make("th", { scope: "col", "class": column[2] ? "n" : "" }, button);

		button.addEventListener("click", setSort.bind(null, column[0]));
		heads[column[0]] = head;
		return head;
	}

	function lineOf(row) {
		var others = row.maps > 1 ? " and " + count(row.maps - 1) + " more" : "";
		var name = make("th", { scope: "row", "class": "code", title: row.type }, short(row.type));

		if (row.holder)
			name.append(make("p", { title: row.holder }, "held by " + holderOf(row)));
		name.append(make("p", { "class": "dim" }, address(row) + others));
		return make("tr", {}, [name].concat(columns.slice(1).map(function (column) {
			return make("td", { "class": "n" }, column[2](row[column[0]]));
		})));
	}

	function sum(list, key) {
		return list.reduce(function (v, row) {
			return v + row[key];
		}, 0);
	}

	function say(list) {
		var what = [];

		if (pick)
			what.push(short(pick.type) + (pick.holder === null ? "" : ", held by " + (short(pick.holder) || "?")));
		if (range)
			what.push(range.title + " " + range.words(range.at));
		if (input.value)
			what.push("\u201c" + input.value + "\u201d");
		status.textContent = count(sum(list, "maps")) + " maps, " + size(sum(list, "resident")) +
			" resident, " + size(sum(list, "back")) + " to give back" +
			(what.length ? " (" + what.join("; ") + ")" : "");
		clear.hidden = !what.length;
	}

	function draw() {
		var list = matching().sort(compare);

		columns.forEach(function (column) {
			if (column[0] === sort)
				heads[sort].setAttribute("aria-sort", down ? "descending" : "ascending");
			else
				heads[column[0]].removeAttribute("aria-sort");
		});
		body.replaceChildren.apply(body, list.slice(0, shown).map(lineOf));
		more.hidden = list.length <= shown;
		more.textContent = "Show " + count(Math.min(STEP, list.length - shown)) + " more of " +
			count(list.length - shown) + " rows";
		say(list);
		drawBins(list);
		mark();
	}

	// ---- what can be picked with a mouse or a key ----

	function pickable(node, label, action) {
		node.setAttribute("tabindex", "0");
		node.setAttribute("role", "button");
		node.setAttribute("aria-label", label);
		node.append(make("title", {}, label));
		node.addEventListener("click", action);
		node.addEventListener("keydown", function (event) {
			if (event.key === "Enter" || event.key === " ") {
				event.preventDefault();
				action();
			}
		});
		return node;
	}

	// ---- histograms ----

	function power(v) {
		return v ? Math.floor(Math.log2(v)) + 1 : 0;
	}

	function powerWords(unit) {
		return function (bin) {
			return bin ? "from " + unit(Math.pow(2, bin - 1)) + ", below " + unit(Math.pow(2, bin)) : "0";
		};
	}

	var histograms = [
		{ title: "live keys of a map", bin: function (row) { return power(row.each); }, words: powerWords(count) },
		{
			title: "load of a map",
			bin: function (row) { return row.load === null ? 0 : Math.min(9, Math.floor(10 * row.load)); },
			words: function (bin) { return 10 * bin + " to " + (10 * bin + 10) + " %"; }
		},
		{ title: "bytes of its tables", bin: function (row) { return power(row.size); }, words: powerWords(size) }
	];

	function drawHistogram(h, list) {
		var maps = [], height = 60, width = 300, first = Infinity, last = 0, most = 0, i;

		list.forEach(function (row) {
			var bin = h.bin(row);

			maps[bin] = (maps[bin] || 0) + row.maps;
			first = Math.min(first, bin);
			last = Math.max(last, bin);
			most = Math.max(most, maps[bin]);
		});
		h.svg.replaceChildren();
		if (!most)
			return;
		// A log scale: a map of a million keys is as good to see as the million small ones.
		for (i = first; i <= last; i++) {
			var step = width / (last - first + 1);
			var tall = maps[i] ? Math.max(3, height * Math.log2(1 + maps[i]) / Math.log2(1 + most)) : 0;
			var bar = make("rect", {
				x: (i - first) * step + 1, width: Math.max(1, step - 2),
				y: height - tall, height: tall, "class": "up"
			});

			if (maps[i])
				h.svg.append(pickable(bar, h.title + " " + h.words(i) + ": " + count(maps[i]) + " maps",
					setRange.bind(null, h, i)));
		}
		h.low.textContent = h.words(first);
		h.high.textContent = first === last ? "" : h.words(last);
	}

	function drawBins(list) {
		histograms.forEach(function (h) {
			if (!range)
				drawHistogram(h, list);
		});
	}

	function setRange(h, at) {
		range = { bin: h.bin, at: at, title: h.title, words: h.words };
		shown = STEP;
		draw();
		status.scrollIntoView({ block: "nearest" });
	}

	function figureOf(h) {
		h.svg = make("svg", { viewBox: "0 0 300 60", preserveAspectRatio: "none", "class": "hist" });
		h.low = make("span");
		h.high = make("span");
		return make("figure", {}, [
			make("figcaption", {}, "Maps by " + h.title), h.svg,
			make("p", { "class": "axis" }, [h.low, h.high])
		]);
	}

	// ---- the treemap ----

	var metric = make("select", { id: "metric" }, [
		["resident", "resident bytes"], ["back", "what a rebuild gives back"], ["kept", "what they keep alive"],
		["keys", "live keys"], ["maps", "number of maps"]
	].map(function (option) {
		return make("option", { value: option[0] }, option[1]);
	}));
	var tree = make("svg", { "class": "tree", role: "group", "aria-label": "Maps by type and holder" });
	var cells = [];

	// The largest parts of a list by what `name` says, with the others as one.
	function parts(list, name, most) {
		var byName = new Map(), found, rest;

		list.forEach(function (row) {
			var key = name(row), part = byName.get(key);

			if (!part)
				byName.set(key, part = { name: key, value: 0, rows: [] });
			part.value += row[metric.value] || 0;
			part.rows.push(row);
		});
		found = Array.from(byName.values()).filter(function (part) {
			return part.value > 0;
		}).sort(function (a, b) {
			return b.value - a.value;
		});
		rest = found.splice(most);
		if (rest.length)
			found.push({
				name: null, others: rest.length, value: sum(rest, "value"),
				rows: [].concat.apply([], rest.map(function (part) { return part.rows; }))
			});
		return found;
	}

	function worst(line, side, scale) {
		var total = sum(line, "value") * scale, thick = total / side;

		return line.reduce(function (ratio, part) {
			var long = part.value * scale / thick;

			return Math.max(ratio, long / thick, thick / long);
		}, 0);
	}

	// Squarified: parts are put in lines along the shorter side while that makes them squarer.
	function place(list, x, y, width, height, each) {
		var total = sum(list, "value"), at = 0;

		while (at < list.length && width > 0 && height > 0) {
			var scale = width * height / total, side = Math.min(width, height), line = [list[at++]];

			while (at < list.length && worst(line.concat(list[at]), side, scale) <= worst(line, side, scale))
				line.push(list[at++]);
			var sumOf = sum(line, "value"), thick = sumOf * scale / side, from = 0;
			line.forEach(function (part) {
				var long = side * part.value / sumOf;

				if (width >= height)
					each(part, x, y + from, thick, long);
				else
					each(part, x + from, y, long, thick);
				from += long;
			});
			total -= sumOf;
			if (width >= height) {
				x += thick;
				width -= thick;
			} else {
				y += thick;
				height -= thick;
			}
		}
	}

	function clip(text, width) {
		var fits = Math.floor(width / 7);

		return text.length <= fits ? text : fits > 4 ? text.slice(0, fits - 1) + "\u2026" : "";
	}

	function figure(v) {
		return metric.value === "keys" || metric.value === "maps" ? count(v) : size(v);
	}

	function cellOf(type, holder, x, y, width, height, color) {
		var typeName = type.name === null ? type.others + " other types" : short(type.name);
		var name = type.name === null ? "" : holder.name === null ? holder.others + " other holders" :
			holder.name ? short(holder.name) : "holder not known";
		var cell = make("g", { "class": "cell t" + color }, make("rect", {
			x: x + 0.5, y: y + 0.5, width: Math.max(0, width - 1), height: Math.max(0, height - 1)
		}));

		if (height > 20)
			cell.append(make("text", { x: x + 6, y: y + 16 }, clip(typeName, width - 12)));
		if (height > 38)
			cell.append(make("text", { x: x + 6, y: y + 32, "class": "dim" }, clip(name, width - 12)));
		if (height > 54)
			cell.append(make("text", { x: x + 6, y: y + 48 }, clip(figure(holder.value), width - 12)));
		cells.push({ node: cell, type: type.name, holder: holder.name });
		if (type.name === null) {
			cell.append(make("title", {}, typeName + ": " + figure(holder.value)));
			return cell;
		}
		return pickable(cell, typeName + ", " + name + ": " + figure(holder.value), function () {
			var same = pick && pick.type === type.name && pick.holder === holder.name;

			pick = same ? null : { type: type.name, holder: holder.name };
			range = null;
			shown = STEP;
			draw();
		});
	}

	function mark() {
		cells.forEach(function (cell) {
			cell.node.classList.toggle("picked", !!pick && cell.type === pick.type && cell.holder === pick.holder);
		});
	}

	function drawTree() {
		var width = Math.max(280, all.clientWidth), height = width < 600 ? 420 : 340;
		var types = parts(rows, function (row) { return row.type; }, TYPES);

		cells = [];
		tree.setAttribute("viewBox", "0 0 " + width + " " + height);
		tree.replaceChildren();
		place(types, 0, 0, width, height, function (type, x, y, w, h) {
			var color = type.name === null ? "x" : types.indexOf(type) % 8;
			var holders = type.name === null ? [{ name: null, others: "", value: type.value }] :
				parts(type.rows, function (row) { return row.holder; }, HOLDERS);

			place(holders, x, y, w, h, function (holder, hx, hy, hw, hh) {
				tree.append(cellOf(type, holder, hx, hy, hw, hh, color));
			});
		});
		if (!types.length)
			tree.append(make("text", { x: 6, y: 20 }, "nothing"));
		mark();
	}

	// ---- all of it ----

	function listen() {
		input.addEventListener("input", function () {
			shown = STEP;
			draw();
		});
		clear.addEventListener("click", function () {
			input.value = "";
			pick = range = null;
			shown = STEP;
			draw();
			input.focus();
		});
		more.addEventListener("click", function () {
			shown += STEP;
			draw();
		});
		metric.addEventListener("change", drawTree);
		var width = 0;
		addEventListener("resize", function () {
			if (all.clientWidth !== width)
				drawTree();
			width = all.clientWidth;
		});
	}

	function show() {
		all.append(
			make("h3", {}, "By type and holder"),
			make("p", { "class": "tools" }, [make("label", { "for": "metric" }, "Size by "), metric]),
			tree,
			make("h3", {}, "All maps"),
			make("div", { "class": "figures" }, histograms.map(figureOf)),
			make("p", { "class": "tools" }, [make("label", { "for": "filter" }, "Filter by type or holder "), input, clear]),
			status,
			make("div", { "class": "wide", tabindex: "0", role: "region", "aria-label": "All maps" },
				make("table", {}, [
					make("caption", {}, "Equal maps with one holder are one row; its figures are sums."),
					make("thead", {}, make("tr", {}, columns.map(headOf))), body
				])),
			make("p", { "class": "tools" }, more));
		if (data.rest.maps)
			all.append(make("p", { "class": "note" }, count(data.rest.maps) + " smaller maps with " +
				size(data.rest.table_bytes) + " of tables are in no row, to keep this file small."));
		if (rows.some(function (row) { return row.kept === null; }))
			metric.querySelector("[value=kept]").remove();
		listen();
		drawTree();
		draw();
	}

	show();
}());
