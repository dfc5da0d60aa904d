"""How a study is shown: in the terminal, as Markdown, LaTeX, CSV, pictures and a page."""
