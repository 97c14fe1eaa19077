"""What the admin pages of every app share: quick lists, confirm pages, pages of long work, words."""
