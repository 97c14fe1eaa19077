"""Tries a challenger against the champion and records who decided what on which evidence."""
