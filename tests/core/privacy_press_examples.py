"""Sentences of everyday press work: what a ministry writes that accuses nobody, and what beside it is still found.
All are invented, and the names with them."""

from __future__ import annotations

ORDINARY = (
    # Words that begin like those of an arrest, of a former office, of a body
    "მინისტრმა ვახტანგ გომელაურმა პოლიციის დღესთან დაკავშირებით თანამშრომლები დააჯილდოვა.",
    "გიორგი ბერიძემ რეფორმასთან დაკავშირებით ისაუბრა.",
    "სამინისტრო დაკავშირდა ნინო ბერიძეს.",
    "პროექტთან დაკავშირებული დეტალები გიორგი ბერიძემ წარადგინა.",
    "ექსპერტმა გიორგი ბერიძემ დაკავებულთა შესახებ ისაუბრა.",
    "ექსპორტის დეპარტამენტის უფროსმა გიორგი ბერიძემ დაკავებულთა შესახებ ისაუბრა.",
    "ნინო ბერიძე ახალ ამბებს გვამცნობს.",
    # Schools and streets that are called after somebody, and pupils
    "ილია ჭავჭავაძის სახელობის სკოლის მოსწავლეებმა მუზეუმი დაათვალიერეს.",
    "ანა კალანდაძის სახელობის სკოლის მოსწავლეებმა მუზეუმი დაათვალიერეს.",
    "წმინდა ნინოს სახელობის სკოლის მოსწავლეებმა მუზეუმი დაათვალიერეს.",
    "აკაკი წერეთლის გამზირზე ბავშვი იპოვეს.",
    "Children from David Agmashenebeli School No. 5 visited the museum.",
    "The Ilia Chavchavadze school pupils visited the museum.",
    # Ceremonies, days of children, courts
    "Minister Vakhtang Gomelauri congratulated the children.",
    "Minister of Internal Affairs Vakhtang Gomelauri handed out laptops to pupils.",
    "მინისტრმა ვახტანგ გომელაურმა მოსწავლეებს საჩუქრები გადასცა.",
    "Speaker Shalva Papuashvili received pupils.",
    "Pupils thanked Minister Vakhtang Gomelauri.",
    "რექტორმა დავით ღლონტმა მოსწავლეებს აკადემია გააცნო.",
    "მწვრთნელმა გიორგი ბერიძემ ბავშვებს ვარჯიში ჩაუტარა.",
    "President Mikheil Kavelashvili laid a wreath at the memorial to the victims of the war.",
    "პრეზიდენტმა მიხეილ ყაველაშვილმა ომში დაღუპულებს პატივი მიაგო.",
    "Judge Nino Buachidze remanded the defendant in custody.",
    "მოსამართლე ნინო ბუაჩიძემ ბრალდებულს პატიმრობა შეუფარდა.",
    "ბრალდების მხარეს პროკურორი ნინო ბერიძე წარმოადგენდა.",
    "Storm Boris killed two people in the village of Shovi.",
    "Hurricane Boris killed nobody, and Cyclone Ivan injured two.",
    "Sergeant Levan Kapanadze saved two children from the river.",
    # A semicolon begins no list
    "The victims of the 9 April tragedy were remembered; President Mikheil Kavelashvili laid a wreath.",
    "დაღუპულ გმირებს პატივი მიაგეს; მინისტრმა ვახტანგ გომელაურმა გვირგვინი დადო.",
)

# The text, the code, and whether it must stop the release.
FOUND = (
    # A child who is given a prize is a child: the age beside the name counts for more than the minister's deeds
    ("მინისტრმა ვახტანგ გომელაურმა 16 წლის ლუკა ბერიძე დააჯილდოვა.", "minor_named", True),
    ("Minister Vakhtang Gomelauri met 14-year-old Luka Beridze.", "minor_named", True),
    ("Director Luka Beridze, 14, presented the club.", "minor_named", True),
    # An obituary is public, and still to be looked at
    ("Sergeant Levan Kapanadze was killed in the line of duty.", "victim_named", False),
    ("სამსახურებრივი მოვალეობის შესრულებისას დაიღუპა სერჟანტი ლევან კაპანაძე.", "victim_named", False),
    ("გარდაიცვალა პოლკოვნიკი ზურაბ მელაძე. სამძიმარს ვუცხადებთ ოჯახს.", "victim_named", False),
    ("დააკავეს ორი პირი. მოკლულ ნინო ლომიძის ოჯახს სამძიმარი გამოუცხადეს.", "victim_named", True),
    ("10 წლის მაშველმა ლუკა ბერიძემ თევზი დაიჭირა.", "minor_named", True),
    ("Young rescuer Luka Beridze, 10, found the dog.", "minor_named", True),
    ("The boy, Captain Luka Beridze, won the match.", "minor_named", True),
    ("მინისტრის შვილი, მოსწავლე ლუკა ბერიძე, იპოვეს.", "minor_named", True),
    ("Mayor Giorgi Beridze received a bribe and was arrested.", "named_accused", True),
    ("Judge Nino Buachidze was remanded in custody.", "named_accused", True),
    ("სასამართლომ მოსამართლე ნინო ბუაჩიძეს პატიმრობა შეუფარდა.", "named_accused", True),
    ("14 წლის ბიჭი, ლუკა თბილისის სკოლაში სწავლობს.", "minor_named", True),
    ("14 წლის ლუკა ბერიძის სკოლაში შეხვედრა გაიმართა.", "minor_named", True),
    ("მცირეწლოვან ნინოს სკოლაში დაესხნენ.", "minor_named", True),
    ("The boy, Luka, school pupil, was found.", "minor_named", True),
    ("Police arrested Giorgi Beridze, school director.", "named_accused", True),
    ("Police arrested Giorgi Beridze, museum director.", "named_accused", True),
    ("გიორგი ბერიძე დააკავეს ქურდობასთან დაკავშირებით.", "named_accused", True),
    ("ექსპერტიზის შემდეგ ყოფილმა მინისტრმა გიორგი ბერიძემ ისაუბრა, რომ დააკავეს.", "named_accused", True),
    ("ბრძოლის ველზე ნინო ბერიძის გვამი იპოვეს.", "victim_named", True),
    ("ერთი ადამიანი დაიღუპა; ნინო ლომიძე სახლში იყო.", "victim_named", False),
    ("დააკავეს ორი პირი:\n\nგიორგი ბ.;\nნიკა ლომიძე.", "named_accused", True),
)
